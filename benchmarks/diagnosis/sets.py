"""Data with faults built in, written as arrays with their own validation split."""

import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FEATURES, CLASSES, TRAIN, VAL = 8, 4, 600, 240

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


def make(kind: str, folder: Path) -> str:
    """Writes the set `fault/half/seed` into a folder, and gives the name that nnlab reads."""
    fault, half, seed = kind.split("/")
    draw = np.random.default_rng(zlib.crc32(kind.encode()))
    centres = draw.normal(0, 1.4 if half == "fitted" else 1.0, (CLASSES, FEATURES))
    wide = 1.0 if half == "fitted" else draw.uniform(0.5, 1.3, FEATURES)

    def clouds(count: int, sd: float = 1.0) -> tuple[Floats, Labels]:
        labels = draw.integers(0, CLASSES, count)
        return centres[labels] + sd * wide * draw.normal(0, 1, (count, FEATURES)), labels

    x, y = clouds(TRAIN)
    val_x, val_y = clouds(VAL)
    match fault:
        case "raw":
            scale, offset = 10.0 ** draw.uniform(-1, 3, FEATURES), draw.uniform(0, 300, FEATURES)
            x, val_x = x * scale + offset, val_x * scale + offset
        case "overlap":
            taken = draw.permutation(TRAIN)[: VAL // 2]
            val_x[: VAL // 2], val_y[: VAL // 2] = x[taken], y[taken]
        case "broken":
            val_y = draw.permutation(val_y)
        case "imbalance":
            keep = (y == 0) | (draw.random(TRAIN) < 0.02)
            keep_val = (val_y == 0) | (draw.random(VAL) < 0.02)
            x, y, val_x, val_y = x[keep], y[keep], val_x[keep_val], val_y[keep_val]
            y[:CLASSES] = val_y[:CLASSES] = np.arange(CLASSES)
        case "lacking":
            val_x, val_y = val_x[val_y != 2], val_y[val_y != 2]
        case "shifted":
            val_x = val_x + draw.choice((-1.0, 1.0), FEATURES) * 1.2
        case "easier":
            val_x, val_y = clouds(VAL, 0.5)
        case _:
            raise ValueError(f"no such fault of data: {fault}")
    path = folder / f"{fault}-{half}-{seed}.npz"
    np.savez(path, train_x=x, train_y=y, val_x=val_x, val_y=val_y, test_x=val_x, test_y=val_y)
    return f"npz:{path}"
