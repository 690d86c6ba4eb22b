"""Further kinds of runs that nnlab trains: text, tables, segmentation, memorisation, small batches.

No kind of one half occurs in the other.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from diagnosis.specimen import Specimen

# Half, name, truth, accepted codes, seeds, setting.
Kind = tuple[str, str, str, tuple[str, ...], int, Mapping[str, Any]]
_ADAM: Mapping[str, Any] = {"opt": "adam", "lr": 2e-3, "batch_size": 32}
_TEXT: Mapping[str, Any] = {**_ADAM, "data": "text", "samples": 400, "model": "gru", "width": 32}
_SHAPES: Mapping[str, Any] = {
    **_ADAM, "data": "shapes", "samples": 120, "model": "unet", "width": 4, "batch_size": 8,
}  # fmt: skip
_TAGGED: Mapping[str, Any] = {**_ADAM, "data": "word-tags", "samples": 600, "width": 32}
_SIGNALS: Mapping[str, Any] = {**_ADAM, "data": "tags", "samples": 800, "width": 64}
_ARM: Mapping[str, Any] = {**_ADAM, "data": "robot-arm", "samples": 800, "width": 64}
_DIGITS: Mapping[str, Any] = {
    "data": "digits", "train_size": 200, "label_noise": 0.3, "batch_size": 32, "width": 256,
}  # fmt: skip
_SEQUENCES: Mapping[str, Any] = {
    "data": "sequences", "train_size": 150, "label_noise": 0.4, "batch_size": 16, "width": 128,
    "samples": 2000,
}  # fmt: skip
_HIGH = ("NN201",)
_MEMORISED = ("NN101",)
_SWINGS = ("NN202", "NN201")

KINDS: tuple[Kind, ...] = (
    ("fitted", "text: healthy", "", (), 4, {**_TEXT, "epochs": 12}),
    ("fitted", "text: lr too high", "NN202", _HIGH, 2, {**_TEXT, "epochs": 10, "lr": 1.0}),
    ("fitted", "text: lr too low", "NN203", (), 2, {**_TEXT, "epochs": 10, "lr": 3e-6}),
    ("fitted", "segmentation: healthy", "", (), 3, {**_SHAPES, "epochs": 12, "lr": 1e-2}),
    ("fitted", "segmentation: lr too low", "NN203", (), 2, {**_SHAPES, "epochs": 10, "lr": 1e-6}),
    ("fitted", "table: healthy", "", (), 4, {**_ADAM, "data": "table/fitted/1", "epochs": 20,
     "width": 32, "l2": 1e-3}),
    ("fitted", "table: lr too high", "NN202", _HIGH, 2, {**_ADAM, "data": "table/fitted/2",
     "epochs": 20, "width": 32, "lr": 1.0}),
    ("fitted", "memorised digits, 60 epochs", "NN107", _MEMORISED, 6,
     {**_DIGITS, "epochs": 60, "opt": "adam", "lr": 1e-3}),
    ("fitted", "memorised digits, 150 epochs", "NN107", _MEMORISED, 4,
     {**_DIGITS, "epochs": 150, "opt": "adam", "lr": 1e-3}),
    ("fitted", "memorised digits, momentum", "NN107", _MEMORISED, 4,
     {**_DIGITS, "epochs": 80, "opt": "momentum", "lr": 0.03}),
    ("fitted", "digits, batch size one", "NN204", _SWINGS, 4,
     {"data": "digits", "train_size": 300, "opt": "momentum", "lr": 0.004, "batch_size": 1,
      "epochs": 12, "width": 32}),
    ("fitted", "digits times 255", "NN401", (), 3,
     {"data": "times255/fitted/1", "inputs": "none", "opt": "momentum", "lr": 0.01, "epochs": 25,
      "batch_size": 32, "width": 32}),
    ("fitted", "digits times 255, adam", "NN401", (), 3,
     {"data": "times255/fitted/2", "inputs": "none", "opt": "adam", "lr": 1e-3, "epochs": 25,
      "batch_size": 32, "width": 32}),
    ("fitted", "fine-tuning digits, 3 epochs", "", (), 3,
     {**_ADAM, "data": "digits", "epochs": 3, "width": 64}),
    ("unseen", "word tags: healthy", "", (), 4, {**_TAGGED, "epochs": 15}),
    ("unseen", "word tags: lr too high", "NN202", _HIGH, 2, {**_TAGGED, "epochs": 10, "lr": 1.0}),
    ("unseen", "signals with labels: healthy", "", (), 3, {**_SIGNALS, "epochs": 15, "l2": 1e-3}),
    ("unseen", "signals with labels: lr too low", "NN203", (), 2,
     {**_SIGNALS, "epochs": 12, "lr": 1e-6}),
    ("unseen", "robot arm: healthy", "", (), 4, {**_ARM, "epochs": 30}),
    ("unseen", "robot arm: lr too high", "NN202", _HIGH, 2, {**_ARM, "epochs": 20, "lr": 1.0}),
    ("unseen", "robot arm: lr too low", "NN203", (), 2, {**_ARM, "epochs": 20, "lr": 1e-6}),
    ("unseen", "brackets: healthy", "", (), 2,
     {**_ADAM, "data": "brackets", "samples": 1500, "epochs": 15, "width": 24, "l2": 1e-3}),
    ("unseen", "memorised sequences", "NN107", _MEMORISED, 6,
     {**_SEQUENCES, "epochs": 80, "opt": "adam", "lr": 1e-3}),
    ("unseen", "memorised sequences, 200 epochs", "NN107", _MEMORISED, 4,
     {**_SEQUENCES, "epochs": 200, "opt": "adamw", "lr": 1e-3}),
    ("unseen", "tumours, batch size one", "NN204", _SWINGS, 4,
     {"data": "breast-cancer", "opt": "nesterov", "lr": 0.05, "batch_size": 1, "epochs": 12,
      "width": 32, "label_noise": 0.1}),
    ("unseen", "columns of a table in thousands", "NN401", (), 4,
     {"data": "thousands/unseen/1", "inputs": "none", "opt": "adam", "lr": 1e-3, "epochs": 25,
      "batch_size": 32, "width": 32}),
    ("unseen", "one epoch of sequences", "", (), 2,
     {**_ADAM, "data": "sequences", "samples": 1500, "epochs": 1, "width": 64}),
    ("unseen", "two epochs of tumours", "", (), 2,
     {**_ADAM, "data": "breast-cancer", "epochs": 2, "width": 64, "lr": 5e-3}),
)  # fmt: skip


def further_specimens(half: str) -> Iterator[Specimen]:
    """The specimens of these kinds, for one half."""
    for kind_half, name, truth, accepted, seeds, setting in KINDS:
        if kind_half == half:
            for seed in range(1, seeds + 1):
                yield Specimen(name, half, truth, setting, seed, accepted)
