"""Reading a large CSV table to features and targets, compared with pyarrow reading the file."""

from pathlib import Path

import numpy as np
from timing import TimingComparison, compare_alternately

from nnlab.engine.data import read_dataset
from nnlab.settings import RunConfig

ROWS = 200_000
COLUMNS = 20
ROUNDS = 15
GOAL = 1.5


def measure(folder: Path) -> list[TimingComparison]:
    """A table of 18 numbers, a category and a target, without and with quoted texts.

    pyarrow converts the numbers; nnlab also computes the hash of the file, the one-hot encoding
    and the matrix of features.
    """
    from pyarrow import csv

    comparisons = []
    for name, quote in (("numbers and texts", ""), ("quoted texts", '"')):
        path = folder / f"{name.replace(' ', '-')}.csv"
        write_table(path, quote)
        config = RunConfig(data=f"csv:{path}#y")
        comparisons.append(
            compare_alternately(
                f"table of {ROWS:,} rows, {name}",
                lambda config=config: read_dataset(config),  # type: ignore[misc]
                lambda path=path: csv.read_csv(path),  # type: ignore[misc]
                of="pyarrow.csv.read_csv",
                rounds=ROUNDS,
                goal=GOAL,
            )
        )
    return comparisons


def write_table(path: Path, quote: str) -> None:
    """Writes a table of `ROWS` rows and `COLUMNS` columns, the same for every call."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(ROWS, COLUMNS - 1))
    colours = np.array(["red", "green", "blue"])[rng.integers(0, 3, ROWS)]
    with path.open("w", encoding="utf-8") as file:
        names = [f"x{index}" for index in range(COLUMNS - 2)]
        file.write(",".join([*names, "colour", "y"]) + "\n")
        for row, colour in zip(numbers.tolist(), colours.tolist(), strict=True):
            values = ",".join(map(repr, row[:-1]))
            file.write(f"{values},{quote}{colour}{quote},{row[-1]!r}\n")
