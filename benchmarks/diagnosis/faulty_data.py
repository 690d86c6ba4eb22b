"""Data sets with built-in faults, written as .npz files with a validation split."""

import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FEATURES, CLASSES, TRAIN, VAL = 8, 4, 600, 240

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


def write_dataset(kind: str, folder: Path) -> str:
    """Writes the data set `fault/half/seed` to a folder; returns its name for `--data`."""
    fault, half, seed = kind.split("/")
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
