"""Tables with several targets: numbers, columns of 0 and 1, and texts of separated tags."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nnlab.engine.data import read_dataset
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.table_tags import find_tag_separator
from nnlab.engine.data.target_columns import format_target_columns, target_columns_of
from nnlab.errors import DataError, TableProblems
from nnlab.settings import RunConfig
from nnlab.settings.space import parse_values

Written = Callable[[str], str]

TABLE = 'x,"last, a",b,warm,round\n1,0.5,10,yes,1\n2,1.5,30,no,0\n3,2.5,20,yes,0\n'


def dataset_of(name: str, **settings: Any) -> Dataset:
    return read_dataset(RunConfig(data=name, **settings))


def named(written: str, columns: str) -> str:
    return f"{written.partition('#')[0]}#{columns}"


def test_several_columns_of_numbers_are_several_targets(write_table: Written) -> None:
    dataset = dataset_of(named(write_table(TABLE), '"last, a",b'), only_columns="x")
    assert (dataset.task, dataset.target_names) == ("regression", ("last, a", "b"))
    assert np.asarray(dataset.targets).tolist() == [[0.5, 10], [1.5, 30], [2.5, 20]]
    assert (dataset.num_outputs, dataset.classes, dataset.target_name) == (2, (), "")
    assert dataset.examples.tolist() == [[1], [2], [3]]
    assert format_target_columns(target_columns_of(dataset)) == '"last, a",b'


def test_the_order_is_that_of_the_command(write_table: Written) -> None:
    dataset = dataset_of(named(write_table(TABLE), 'b, "last, a"'))
    assert dataset.target_names == ("b", "last, a")
    assert np.asarray(dataset.targets)[0].tolist() == [10, 0.5]


def test_a_name_with_a_comma_needs_no_quotes_alone(write_table: Written) -> None:
    dataset = dataset_of(named(write_table(TABLE), "last, a"))
    assert (dataset.target_name, dataset.target_names) == ("last, a", ())
    assert np.asarray(dataset.targets).tolist() == [0.5, 1.5, 2.5]


def test_columns_of_zeros_and_ones_or_words_are_tags(write_table: Written) -> None:
    dataset = dataset_of(named(write_table(TABLE), "warm,round"))
    assert (dataset.task, dataset.classes) == ("multilabel", ("warm", "round"))
    targets = np.asarray(dataset.targets)
    assert targets.dtype == np.uint8
    assert targets.tolist() == [[1, 1], [0, 0], [1, 0]]


def test_the_task_decides_for_zeros_and_ones(write_table: Written) -> None:
    name = named(write_table("x,a,b\n1,0,1\n2,1,1\n3,0,0\n"), "a,b")
    assert dataset_of(name).task == "multilabel"
    numbers = dataset_of(name, task="regression")
    assert numbers.task == "regression"
    assert np.asarray(numbers.targets).dtype == np.float64
    with pytest.raises(DataError, match="several target columns and --task classification"):
        dataset_of(name, task="classification")
    with pytest.raises(DataError, match="--task multilabel needs several target columns"):
        dataset_of(named(name, "b"), task="multilabel")


def test_all_problems_name_their_columns(write_table: Written) -> None:
    name = named(write_table("x,a,b,c\n1,0.5,,7\n2,one,3,7\n3,1.5,4,7\n"), "a,b,c")
    with pytest.raises(TableProblems) as caught:
        dataset_of(name)
    message = caught.value.message
    assert "line 3, column 'a': 'one' is not a number" in message
    assert "line 2, column 'b': the value is missing; --missing drop" in message
    assert "column 'c' has only one value: '7'" in message
    with pytest.raises(TableProblems, match=r"line 2, column 'a': '0\.5' is neither 0 nor 1"):
        dataset_of(name, task="multilabel")


@pytest.mark.parametrize(
    ("columns", "message"),
    [("a,zz", "unknown column 'zz'"), ("a,a", "the target column 'a' is named twice")],
)
def test_unknown_and_repeated_columns(write_table: Written, columns: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        dataset_of(named(write_table("x,a,b\n1,0,1\n2,1,1\n"), columns))


def test_rows_without_one_of_the_targets_can_be_dropped(write_table: Written) -> None:
    dataset = dataset_of(
        named(write_table("x,a,b\n1,0.5,\n2,1.5,3\n3,NA,4\n4,2,5\n"), "a,b"), missing="drop"
    )
    assert np.asarray(dataset.targets).tolist() == [[1.5, 3], [2, 5]]
    assert dataset.examples.tolist() == [[2], [4]]


def test_targets_are_no_features(write_table: Written) -> None:
    name = named(write_table(TABLE), "warm,round")
    with pytest.raises(TableProblems, match="--drop-columns: the column 'round' is the target"):
        dataset_of(name, drop_columns="round")
    with pytest.raises(DataError, match="--split-by round: the column is the target"):
        dataset_of(name, split_by="round")


TAGGED = "x,tags\n1,red; blue\n2,\n3,blue;big;blue\n4,red\n"


def test_texts_of_tags_are_split(write_table: Written) -> None:
    dataset = dataset_of(named(write_table(TAGGED), "tags"), target_separator="semicolon")
    assert (dataset.task, dataset.classes) == ("multilabel", ("big", "blue", "red"))
    assert np.asarray(dataset.targets).tolist() == [[0, 1, 1], [0, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert dataset.target_name == "tags"


def test_numbers_may_be_tags(write_table: Written) -> None:
    dataset = dataset_of(named(write_table("x,t\n1,7\n2,7|9\n3,9\n"), "t"), target_separator="pipe")
    assert dataset.classes == ("7", "9")
    assert np.asarray(dataset.targets).tolist() == [[1, 0], [1, 1], [0, 1]]


def test_only_an_empty_cell_means_no_tags(write_table: Written) -> None:
    name = named(write_table(TAGGED + "5,NA\n"), "tags")
    with pytest.raises(TableProblems, match=r"line 6, column 'tags': the value is missing \('NA'"):
        dataset_of(name, target_separator="semicolon")
    dropped = dataset_of(name, target_separator="semicolon", missing="drop")
    assert dropped.examples[:, 0].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("columns", "settings", "message"),
    [
        ("tags", {"target_separator": "pipe"}, "has 3 different tags|at least 2"),
        ("x,tags", {"target_separator": "semicolon"}, "splits the texts of one target column"),
        ("tags", {"target_separator": "semicolon", "task": "regression"}, "do not fit"),
        ("x", {"target_separator": "slash", "drop_columns": "tags"}, "no feature left"),
    ],
)
def test_separators_that_do_not_fit(
    write_table: Written, columns: str, settings: dict[str, Any], message: str
) -> None:
    name = named(write_table("x,tags\n1,red\n2,\n3,red\n"), columns)
    with pytest.raises(DataError, match=message):
        dataset_of(name, **settings)


@pytest.mark.parametrize(
    ("texts", "separator"),
    [
        (["a;b", "a", "b", "a;b;c"], "semicolon"),
        (["a|b", "b|c", "a|b|c", "c"], "pipe"),
        (["Smith, John", "Lee, Ann", "Roe, Jane"], None),
        (["red", "blue", "green"], None),
    ],
)
def test_texts_that_look_like_tags(texts: list[str], separator: str | None) -> None:
    assert find_tag_separator(texts) == separator


def test_separators_may_be_spelled_as_themselves() -> None:
    assert [parse_values("target_separator", mark) for mark in ";|,/+"] == [
        ("semicolon",), ("pipe",), ("comma",), ("slash",), ("plus",),
    ]  # fmt: skip


def test_large_tables_give_the_same_targets(write_table: Written) -> None:
    pytest.importorskip("pyarrow")
    rows = "".join(f"{i * 0.37:.6f},{i % 2},{i % 3 % 2},t{i % 4};u{i % 3}\n" for i in range(60000))
    name = write_table("x,a,b,tags\n" + rows)
    tags = dataset_of(named(name, "a,b"), only_columns="x")
    expected = [[i % 2, i % 3 % 2] for i in range(60000)]
    assert np.array_equal(np.asarray(tags.targets), np.array(expected))
    separated = dataset_of(named(name, "tags"), only_columns="x", target_separator="semicolon")
    assert separated.classes == ("t0", "t1", "t2", "t3", "u0", "u1", "u2")
    assert (np.asarray(separated.targets).sum(axis=1) == 2).all()
