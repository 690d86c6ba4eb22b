"""Training runs with known faults: by construction, or by the true risk on fresh examples.

Half of the data sets are `fitted`: thresholds and calibration were chosen on runs with them. The
other half are `unseen`, and the results are reported for it.
"""

import random
from collections.abc import Iterator, Mapping
from typing import Any

from diagnosis.nnlab_kinds import further_specimens
from diagnosis.recipes import FAULTS, HEALTHY
from diagnosis.specimen import Specimen
from diagnosis.unseen_models import model_specimens
from diagnosis.user_model_files import IMAGE_STYLES, case_setting, cases

FITTED = ("two-moons", "xor", "teacher-student", "digits", "wine", "diabetes")
UNSEEN = ("circles", "spirals", "sequences", "blobs", "breast-cancer", "iris")
# Data sets from which any number of fresh examples can be drawn.
GENERATED = ("two-moons", "xor", "teacher-student", "circles", "spirals", "sequences", "blobs")
RISKY_RUNS = 3
HEALTHY_SEEDS, FAULT_SEEDS = (1,), (3,)
USER_MODELS = "user_models.py"
# The true risk is measured on a test split of 9,800; validation has 560; `train_size` is set below.
FRESH: Mapping[str, Any] = {"samples": 14_000, "test_fraction": 0.7, "val_fraction": 0.04}


def specimens() -> Iterator[Specimen]:
    """All specimens of the corpus, which is deterministic."""
    for half, sets in (("fitted", FITTED), ("unseen", UNSEEN)):
        for data in sets:
            yield from _risky(half, data)
            yield from _healthy(half, data)
            yield from _faulty(half, data)
        yield from _convolutional(half)
        yield from _data_faults(half)
        yield from further_specimens(half)
    yield from _user_models()
    yield from model_specimens()


def _user_models() -> Iterator[Specimen]:
    """Model files and the same faults in nnlab's models; rules were fitted on these styles."""
    for case in cases((1,)):
        if case.data == "digits" and case.style not in IMAGE_STYLES:
            continue  # the largest data set adds little to the other two
        codes = case.fault.codes
        group = "nnlab" if case.style == "nnlab" else "user models"
        yield Specimen(
            f"model file: {case.fault.name}",
            "fitted",
            codes[0] if codes else "",
            case_setting(case, USER_MODELS),
            case.seed,
            codes[1:],
            group,
        )


def _risky(half: str, data: str) -> Iterator[Specimen]:
    """Small training sets and large networks, some of which overfit."""
    if data not in GENERATED:
        return
    for number in range(RISKY_RUNS):
        rng = random.Random(f"risky/{data}/{number}")
        setting: dict[str, Any] = {
            **FRESH,
            "data": data,
            "train_size": round(2 ** rng.uniform(5, 9)),
            "widths": rng.choice(("64", "128", "256", "64,64", "128,128")),
            "opt": rng.choice(("adam", "adam", "adamw", "momentum")),
            "epochs": rng.choice((20, 40, 80, 120)),
            "batch_size": rng.choice((16, 32)),
            "dropout": rng.choice((0.0, 0.0, 0.0, 0.2)),
            "decay": rng.choice(("none", "none", "cosine")),
        }
        setting["lr"] = rng.choice((1e-3, 3e-3, 1e-2)) * (5 if setting["opt"] == "momentum" else 1)
        if data == "teacher-student":
            setting["data_noise"] = rng.choice((0.1, 0.5, 1.0))
        else:
            setting["label_noise"] = rng.choice((0.0, 0.0, 0.1, 0.25))
        if data in ("two-moons", "circles", "xor"):
            setting["data_noise"] = rng.choice((0.1, 0.2, 0.35))
        if data == "blobs":
            setting["data_noise"] = rng.choice((1.0, 2.0))
        yield Specimen(f"risk {number}", half, None, setting, number)


def _healthy(half: str, data: str) -> Iterator[Specimen]:
    """Ordinary runs with enough data and a suitable number of epochs.

    For generated data sets, the true risk decides whether the run is healthy.
    """
    if data == "diabetes":
        return  # 310 noisy examples: every sufficiently wide network overfits
    for name, recipe in HEALTHY[half].items():
        for seed in HEALTHY_SEEDS:
            setting: dict[str, Any] = {
                "data": data,
                "epochs": _epochs(data),
                "batch_size": 32,
                "width": 32,
                "l2": 1e-3,
                **recipe,
            }
            if data in GENERATED:
                setting |= {**FRESH, "train_size": 1000}
            if recipe.get("norm") and data in ("wine", "iris"):
                setting["depth"] = 1
            yield Specimen(f"healthy {name}", half, "", setting, seed)


def _epochs(data: str) -> int:
    """A sufficient number of epochs for a small network and at most 2,000 examples."""
    return {"spirals": 60, "sequences": 40, "teacher-student": 40}.get(data, 40)


_CLASSES_ONLY = ("second softmax", "second softmax, adamw")
# Persistent gradient noise requires labels that cannot be learned.
_GENERATED_ONLY = ("batch size 1", "batch size 1, nesterov")


def _faulty(half: str, data: str) -> Iterator[Specimen]:
    for name, code, accepted, recipe in FAULTS[half]:
        if name in _CLASSES_ONLY and data in ("teacher-student", "diabetes"):
            continue
        if name in _GENERATED_ONLY and (data not in GENERATED or data == "teacher-student"):
            continue  # a regression diverges with batches of one example
        for seed in FAULT_SEEDS:
            setting = {"data": data, "epochs": 30, "batch_size": 32, "width": 32, **recipe}
            if data in GENERATED:
                setting |= {"samples": 1000}
            if name in _GENERATED_ONLY:
                setting |= {"label_noise": 0.15, "samples": 400}
            yield Specimen(name, half, code, setting, seed, accepted)
    if data in ("xor", "circles", "spirals", "two-moons"):
        linear = {"data": data, "model": "linear", "opt": "adam", "lr": 0.03, "epochs": 40}
        # On xor and circles, a linear model is at chance level.
        yield Specimen("linear model", half, "NN104", linear, 3, ("NN106",))


# Codes of the faults that are also built into a small convolutional network.
_IMAGE_CODES = ("NN201", "NN202", "NN203", "NN105", "NN306", "NN303")


def _convolutional(half: str) -> Iterator[Specimen]:
    """Convolutional networks on images of five digits; the other half has the other digits."""
    images = {
        "data": "digits",
        "classes": "0-4" if half == "fitted" else "5-9",
        "model": "cnn",
        "width": 8,
        "depth": 2,
        "batch_size": 32,
    }
    for name, code, accepted, recipe in FAULTS[half]:
        if code in _IMAGE_CODES:
            for seed in (5,):
                setting = {"epochs": 20, **recipe, **images}
                yield Specimen(f"cnn: {name}", half, code, setting, seed, accepted)
    for name, recipe in list(HEALTHY[half].items())[:5]:
        for seed in (5,):
            setting = {"l2": 1e-3, **recipe, **images, "epochs": 20}
            yield Specimen(f"healthy cnn {name}", half, "", setting, seed)


def _data_faults(half: str) -> Iterator[Specimen]:
    """Faults of the data; `faulty_data` generates the data sets from their names."""
    train = {"opt": "adam", "lr": 2e-3, "epochs": 30, "batch_size": 32, "width": 32}
    faults: tuple[tuple[str, str, str, tuple[str, ...], Mapping[str, Any]], ...] = (
        (
            "raw",
            "inputs not normalised",
            "NN401",
            ("NN201", "NN202"),
            {"inputs": "none", "opt": "momentum", "lr": 0.01},
        ),
        ("overlap", "splits overlap", "NN403", (), {}),
        ("broken", "validation labels shuffled", "NN404", (), {}),
        ("imbalance", "majority class", "NN402", (), {}),
        ("lacking", "class without validation", "NN402", (), {}),
        ("shifted", "validation data shifted", "NN103", ("NN404",), {}),
        ("easier", "validation data easier", "NN405", (), {}),
    )
    for kind, name, code, accepted, recipe in faults:
        for seed in range(6):
            data = f"{kind}/{half}/{seed}"
            yield Specimen(
                f"data: {name}", half, code, {**train, **recipe, "data": data}, seed, accepted
            )
