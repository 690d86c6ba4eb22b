"""Identifiers among the features, and classes with a single row."""

from collections.abc import Sequence

import numpy as np
import pytest

from nnlab.engine.data.dataset import Dataset, FeatureColumn
from nnlab.engine.data.suspicious_data import count_suspicious, id_columns, single_row_classes

ROWS = 12
NOISE = np.random.default_rng(0).normal(size=ROWS)


def table(*columns: tuple[FeatureColumn, Sequence[float] | np.ndarray], rare: int = 3) -> Dataset:
    parts = [np.asarray(values, np.float64).reshape(ROWS, -1) for _, values in columns]
    targets = np.array([0] * rare + [1] * (ROWS - rare))
    return Dataset(
        "csv:t.csv#y",
        "classification",
        np.concatenate(parts, axis=1),
        targets,
        ("a", "b"),
        columns=tuple(column for column, _ in columns),
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (range(ROWS), ("id",)),
        ([1000 + 3 * i for i in range(ROWS)], ("id",)),
        ([i + 0.5 for i in range(ROWS)], ()),
        ([i // 2 for i in range(ROWS)], ()),
        (NOISE, ()),
        ([*range(1, ROWS), 0], ()),
    ],
)
def test_whole_numbers_that_increase_row_by_row_are_an_identifier(
    values: Sequence[float], expected: tuple[str, ...]
) -> None:
    assert id_columns(table((FeatureColumn("x"), NOISE), (FeatureColumn("id"), values))) == expected


def test_a_different_text_in_every_row_is_an_identifier() -> None:
    names = FeatureColumn("code", tuple(f"k{i:02}" for i in range(ROWS)))
    colours = FeatureColumn("colour", ("red", "blue"))
    halves = np.eye(2)[np.arange(ROWS) % 2]
    dataset = table((colours, halves), (names, np.eye(ROWS)[::-1]), (FeatureColumn("x"), NOISE))
    assert id_columns(dataset) == ("code",)


def test_the_only_column_is_what_the_target_depends_on() -> None:
    assert id_columns(table((FeatureColumn("x"), range(ROWS)))) == ()


def test_counts_are_what_a_run_stores() -> None:
    dataset = table((FeatureColumn("x"), NOISE), (FeatureColumn("id"), range(ROWS)), rare=1)
    assert single_row_classes(dataset) == ("a",)
    assert count_suspicious(dataset) == {"single_row_classes": 1.0, "id_columns": 1.0}
    numbers = Dataset("n", "regression", np.zeros((3, 2)), np.zeros(3))
    assert count_suspicious(numbers) == {}
