"""Data sets with built-in faults, written as .npz files with a validation split."""

import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.builtin import digits

FEATURES, CLASSES, TRAIN, VAL = 8, 4, 600, 240

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


def write_dataset(kind: str, folder: Path) -> str:
    """Writes the data set `fault/half/seed` to a folder; returns its name for `--data`."""
    fault, half, seed = kind.split("/")
    if fault == "table":
        return _write_table(int(seed), folder)
    if fault == "times255":
        return _write_digits(int(seed), folder)
    rng = np.random.default_rng(zlib.crc32(kind.encode()))
    centres = rng.normal(0, 1.4 if half == "fitted" else 1.0, (CLASSES, FEATURES))
    spread = 1.0 if half == "fitted" else rng.uniform(0.5, 1.3, FEATURES)

    def sample_clusters(count: int, sd: float = 1.0) -> tuple[Floats, Labels]:
        labels = rng.integers(0, CLASSES, count)
        return centres[labels] + sd * spread * rng.normal(0, 1, (count, FEATURES)), labels

    x, y = sample_clusters(TRAIN)
    val_x, val_y = sample_clusters(VAL)
    match fault:
        case "raw":
            scale, offset = 10.0 ** rng.uniform(-1, 3, FEATURES), rng.uniform(0, 300, FEATURES)
            x, val_x = x * scale + offset, val_x * scale + offset
        case "thousands":
            x, val_x = 2000 * x + 5000, 2000 * val_x + 5000
        case "overlap":
            rows = rng.permutation(TRAIN)[: VAL // 2]
            val_x[: VAL // 2], val_y[: VAL // 2] = x[rows], y[rows]
        case "broken":
            val_y = rng.permutation(val_y)
        case "imbalance":
            keep = (y == 0) | (rng.random(TRAIN) < 0.02)
            keep_val = (val_y == 0) | (rng.random(VAL) < 0.02)
            x, y, val_x, val_y = x[keep], y[keep], val_x[keep_val], val_y[keep_val]
            y[:CLASSES] = val_y[:CLASSES] = np.arange(CLASSES)
        case "lacking":
            val_x, val_y = val_x[val_y != 2], val_y[val_y != 2]
        case "shifted":
            val_x = val_x + rng.choice((-1.0, 1.0), FEATURES) * 1.2
        case "easier":
            val_x, val_y = sample_clusters(VAL, 0.5)
        case _:
            raise ValueError(f"unknown data fault: {fault}")
    path = folder / f"{fault}-{half}-{seed}.npz"
    np.savez(path, train_x=x, train_y=y, val_x=val_x, val_y=val_y, test_x=val_x, test_y=val_y)
    return f"npz:{path}"


def _write_table(seed: int, folder: Path) -> str:
    """A table of numbers and texts with a class that depends on both."""
    rng = np.random.default_rng(seed)
    colours = rng.choice(["red", "green", "blue"], 500)
    size, age = rng.normal(20, 4, 500), rng.integers(1, 90, 500)
    score = (size - 20) / 4 + (age - 45) / 26 + np.where(colours == "red", 1.0, -0.5)
    labels = np.where(score + rng.normal(0, 0.5, 500) > 0, "yes", "no")
    path = folder / f"table-{seed}.csv"
    rows = [
        f"{c},{s:.2f},{a},{label}"
        for c, s, a, label in zip(colours, size, age, labels, strict=True)
    ]
    path.write_text("\n".join(["colour,size,age,bought", *rows]) + "\n", encoding="utf-8")
    return f"csv:{path}#bought"


def _write_digits(seed: int, folder: Path) -> str:
    """The digits with pixels from 0 to 255 that are not normalised, 600 of them for training."""
    dataset = digits()
    order = np.random.default_rng(seed).permutation(len(dataset.target_array))
    x = np.asarray(dataset.examples)[order].reshape(len(order), -1)
    x, y = x / x.max() * 255.0, np.asarray(dataset.target_array)[order]
    path = folder / f"times255-{seed}.npz"
    rest = {"val_x": x[600:900], "val_y": y[600:900], "test_x": x[900:1200], "test_y": y[900:1200]}
    np.savez(path, train_x=x[:600], train_y=y[:600], **rest)
    return f"npz:{path}"
