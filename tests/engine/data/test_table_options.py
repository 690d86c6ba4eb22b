"""Options for messy tables: what becomes of missing values, dates, many categories and words."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnlab.engine.data import facts_of, read_dataset
from nnlab.engine.data.column_encoding import hash_bucket
from nnlab.engine.data.dataset import Dataset, FeatureColumn
from nnlab.engine.data.split_dataset import SplitDataset, read_and_split
from nnlab.errors import ConfigError, DataError, TableProblems
from nnlab.settings import RunConfig, digest_of, resolve, setting_of
from nnlab.settings.parsing import parse_value
from nnlab.settings.space import expand_space, parse_space, parse_values

Written = Callable[[str], str]


def dataset_of(name: str, **settings: Any) -> Dataset:
    return read_dataset(RunConfig(data=name, **settings))


def split_of(name: str, **settings: Any) -> SplitDataset:
    config = RunConfig(data=name, **settings)
    return read_and_split(resolve(config, facts_of(config)))


def names_of(dataset: Dataset) -> list[str]:
    return [name for column in dataset.columns for name in column.feature_names]


TABLE = "id,name,a,b,y\n1,ann,1,5,0\n2,bob,2,6,1\n3,cid,3,7,0\n"


def test_columns_are_dropped_or_selected(write_table: Written) -> None:
    name = write_table(TABLE)
    assert names_of(dataset_of(name, drop_columns="id,name")) == ["a", "b"]
    assert names_of(dataset_of(name, only_columns="b,a")) == ["a", "b"]  # in the order of the file
    assert names_of(dataset_of(name, only_columns="a,b", drop_columns="b")) == ["a"]


def test_unknown_columns_and_the_target_are_reported_at_once(write_table: Written) -> None:
    with pytest.raises(TableProblems) as caught:
        dataset_of(write_table(TABLE), drop_columns="nam,y", only_columns="z")
    message = caught.value.message
    assert "has 3 problems" in message
    assert "--drop-columns: unknown column 'nam'" in message
    assert "--drop-columns: the column 'y' is the target" in message
    assert "--only-columns: unknown column 'z'" in message


def test_commas_join_columns_and_semicolons_separate_trials() -> None:
    assert parse_values("drop_columns", "id, name;id") == ("id,name", "id")
    with pytest.raises(ConfigError, match="must be names of columns"):
        parse_value("drop_columns", "id,,name")


def test_names_with_commas_are_quoted(write_table: Written) -> None:
    rows = "".join(f'"t{i}",{i},{i % 2}\n' for i in range(60))
    name = write_table('"last, first",a,y\n' + rows)
    with pytest.raises(TableProblems) as caught:
        dataset_of(name)
    assert caught.value.fixes == {"drop_columns": '"last, first"'}
    value = parse_value("drop_columns", caught.value.fixes["drop_columns"])
    assert names_of(dataset_of(name, drop_columns=value)) == ["a"]


@pytest.mark.parametrize(
    ("field", "spelling", "value"),
    [
        ("csv_sep", ";", "semicolon"),
        ("csv_sep", ",", "comma"),
        ("csv_sep", "\t", "tab"),
        ("csv_sep", "\\t", "tab"),
        ("csv_decimal", ",", "comma"),
        ("csv_thousands", ".", "point"),
        ("csv_encoding", "latin1", "latin-1"),
        ("csv_header", False, "no"),
        ("task", "regression", "regression"),
    ],
)
def test_marks_may_be_spelled_as_themselves(field: str, spelling: object, value: str) -> None:
    assert parse_values(field, spelling) == (value,)


def test_the_defaults_leave_the_digest_unchanged(write_table: Written) -> None:
    config = RunConfig(data=write_table("a,y\n1,0\n2,1\n"))
    resolved = resolve(config, facts_of(config))
    setting = setting_of(resolved)
    new = {"missing", "max_categories", "many_categories", "categories", "dates", "booleans"}
    assert new < set(setting)
    old = {name: value for name, value in setting.items() if name not in new}
    assert digest_of(setting) == digest_of(old)


MISSING = "a,c,y\n1,red,0\n,red,1\n3,,0\n5,blue,1\n"


def test_all_problems_are_reported_at_once_with_their_options(write_table: Written) -> None:
    rows = "".join(
        f"{i},t{i},2026-01-0{i % 9 + 1},{'' if i == 7 else i},{i % 2}\n" for i in range(60)
    )
    with pytest.raises(TableProblems) as caught:
        dataset_of(write_table("a,t,when,x,y\n" + rows))
    assert caught.value.fixes == {"drop_columns": "t", "dates": "parts", "missing": "category"}
    assert "--drop-columns t --dates parts --missing category" in (caught.value.hint or "")
    assert "has 3 problems" in caught.value.message
    assert names_of(dataset_of(write_table("a,t,when,x,y\n" + rows), **caught.value.fixes))[
        -2:
    ] == [
        "x",
        "x is missing",
    ]


def test_rows_with_missing_values_are_dropped(write_table: Written) -> None:
    dataset = dataset_of(write_table(MISSING), missing="drop")
    assert dataset.examples.tolist() == [[1, 0, 1], [5, 1, 0]]
    assert dataset.target_array.tolist() == [0, 1]
    assert "2 of 4 rows with missing values are left out" in dataset.notes


def test_rows_without_a_target_can_only_be_dropped(write_table: Written) -> None:
    name = write_table("a,y\n1,0\n,1\n3,\n4,1\n5,0\n")
    with pytest.raises(TableProblems) as caught:
        dataset_of(name)
    assert caught.value.fixes == {"missing": "drop"}
    assert dataset_of(name, missing="drop").examples.tolist() == [[1], [4], [5]]
    with pytest.raises(TableProblems, match="line 4, column 'y': the value is missing"):
        dataset_of(name, missing="median")


def test_columns_that_are_left_out_cost_no_rows(write_table: Written) -> None:
    name = write_table("a,b,y\n1,,0\n2,5,1\n3,,0\n")
    assert len(dataset_of(name, missing="drop", drop_columns="b").examples) == 3


def test_the_median_is_that_of_the_training_split(write_table: Written) -> None:
    rows = [f"{'' if i % 5 == 0 else i * i},{i % 2}" for i in range(100)]
    split = split_of(write_table("a,y\n" + "\n".join(rows) + "\n"), missing="median")
    known = [row for row in split.rows.train.tolist() if row % 5]
    median = float(np.median([row * row for row in known]))
    assert split.dataset.columns == (FeatureColumn("a", fill=(median,)),)
    expected = [[median] if i % 5 == 0 else [i * i] for i in range(100)]
    assert split.dataset.examples.tolist() == expected


def test_the_median_does_not_change_with_other_splits(write_table: Written) -> None:
    """Values outside of the training split have no influence on it."""
    rows = [[str(i), "" if i == 3 else str(i * 1.5), str(i % 2)] for i in range(60)]

    def table() -> str:
        return "i,a,y\n" + "".join(",".join(row) + "\n" for row in rows)

    before = split_of(write_table(table()), missing="median")
    for row in before.rows.test.tolist() + before.rows.val.tolist():
        rows[row][1] = "1e9"
    after = split_of(write_table(table()), missing="median")
    assert after.rows.test.tolist() == before.rows.test.tolist()
    assert after.dataset.columns == before.dataset.columns


def test_category_keeps_that_a_value_was_missing(write_table: Written) -> None:
    split = split_of(write_table(MISSING), missing="category", val_fraction=0.25,
                     test_fraction=0.25)  # fmt: skip
    assert names_of(split.dataset) == [
        "a",
        "a is missing",
        "c=blue",
        "c=red",
        "c=(missing)",
    ]
    examples = split.dataset.examples
    assert examples[:, 1].tolist() == [0, 1, 0, 0]
    assert examples[:, 2:].tolist() == [[0, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert not np.isnan(examples).any()


def test_texts_have_no_median(write_table: Written) -> None:
    with pytest.raises(TableProblems) as caught:
        dataset_of(write_table(MISSING), missing="median")
    assert caught.value.fixes == {"missing": "category"}


def many(count: int) -> str:
    return "town,y\n" + "".join(f"t{i % count},{i % 2}\n" for i in range(4 * count))


def test_many_categories_are_hashed_or_dropped(write_table: Written) -> None:
    name = write_table(many(60))
    hashed = dataset_of(name, many_categories="hash", max_categories=8)
    assert names_of(hashed) == [f"town#{bucket}" for bucket in range(8)]
    assert hashed.examples.sum(axis=1).tolist() == [1.0] * 240
    assert hashed.examples[3].argmax() == hash_bucket("t3", 8)
    wide = dataset_of(name, max_categories=60)
    assert names_of(wide) == sorted(f"town=t{i}" for i in range(60))
    with pytest.raises(DataError, match="no feature left"):
        dataset_of(name, many_categories="drop")


def test_a_hash_never_changes() -> None:
    """Trained models depend on it."""
    assert [hash_bucket(text, 50) for text in ("Paris", "Zürich", "")] == [48, 3, 2]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("2024-03-05", "1970-01-02"), (19787.0, 1.0)),
        (("2024-03-05 12:00", "1970-01-02T06:00:00"), (19787.5, 1.25)),
        (("2024-03-05T12:00:00+02:00", "1970-01-02T00:00:00Z"), (19787 + 10 / 24, 1.0)),
        (("5.3.2024", "02.01.1970"), (19787.0, 1.0)),
        (("03/25/2024", "01/02/1970"), (19807.0, 1.0)),
        (("Mar 5 2024", "Jan 2 1970"), (19787.0, 1.0)),
        (("12:00", "6:00"), (0.5, 0.25)),
    ],
)
def test_dates_become_days_since_1970(
    write_table: Written, cells: tuple[str, str], expected: tuple[float, float]
) -> None:
    rows = "".join(f'"{cell}",{i}\n' for i, cell in enumerate(cells))
    dataset = dataset_of(write_table("when,y\n" + rows), dates="number")
    assert dataset.examples[:, 0].tolist() == pytest.approx(expected)


def test_dates_become_parts(write_table: Written) -> None:
    dataset = dataset_of(write_table("when,y\n2024-03-05 18:30,0\n2023-12-31,1\n"), dates="parts")
    assert names_of(dataset) == [
        f"when.{part}" for part in ("year", "month", "day", "weekday", "hour")
    ]
    assert dataset.examples.tolist() == [[2024, 3, 5, 1, 18.5], [2023, 12, 31, 6, 0]]
    assert datetime.date(2024, 3, 5).weekday() == 1


def test_dates_are_dropped_or_refused(write_table: Written) -> None:
    name = write_table("a,when,y\n1,2024-03-05,0\n2,2024-13-05,1\n")
    assert names_of(dataset_of(name, dates="drop")) == ["a"]
    with pytest.raises(TableProblems, match="line 3, column 'when': '2024-13-05' is not a date"):
        dataset_of(name, dates="number")


def test_boolean_words_are_one_feature_only_on_request(write_table: Written) -> None:
    name = write_table("a,b,y\nyes,T,0\nNo,f,1\n")
    assert names_of(dataset_of(name)) == ["a=No", "a=yes", "b=T", "b=f"]
    assert dataset_of(name, booleans="number").examples.tolist() == [[1, 1], [0, 0]]


def test_the_task_can_be_chosen(write_table: Written) -> None:
    few = write_table("a,y\n1,1\n2,2\n3,3\n4,1\n")
    assert dataset_of(few).task == "classification"
    numbers = dataset_of(few, task="regression")
    assert (numbers.task, numbers.target_array.tolist(), numbers.classes) == (
        "regression",
        [1, 2, 3, 1],
        (),
    )
    halves = write_table("a,y\n1,0.5\n2,1.5\n3,0.5\n")
    assert dataset_of(halves).task == "regression"
    classes = dataset_of(halves, task="classification")
    assert (classes.classes, classes.target_array.tolist()) == (("0.5", "1.5"), [0, 1, 0])
    mixed = write_table("a,y\n1,one\n2,2\n3,2\n")
    with pytest.raises(TableProblems) as caught:
        dataset_of(mixed)
    assert caught.value.fixes == {"task": "classification"}
    assert dataset_of(mixed, task="classification").classes == ("one", "2")


def test_options_of_tables_need_a_table(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--drop-columns needs a table"):
        facts_of(RunConfig(data="digits", drop_columns="a"))
    with pytest.raises(ConfigError, match="--missing has no effect with --data digits"):
        expand_space(parse_space({"data": "digits", "missing": "drop"}), facts_of)
    np.savez(tmp_path / "a.npz", x=np.zeros((4, 2)), y=np.arange(4) % 2)
    with pytest.raises(DataError, match="--csv-sep needs a table"):
        facts_of(RunConfig(data=f"npz:{tmp_path / 'a.npz'}", csv_sep="tab"))


def test_duplicate_headers_are_renamed_with_a_note(write_table: Written) -> None:
    dataset = dataset_of(write_table("x,x,x_2,x,y\n1,2,3,4,0\n5,6,7,8,1\n"))
    assert names_of(dataset) == ["x", "x_3", "x_2", "x_4"]
    assert dataset.notes == (
        "the second column 'x' is named 'x_3'",
        "the third column 'x' is named 'x_4'",
    )
