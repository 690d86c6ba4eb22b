"""CSV tables: inferred properties are reported, invalid cells are refused with their position."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnlab.engine.data import dataset_facts, read_dataset
from nnlab.engine.data.dataset import Dataset, FeatureColumn
from nnlab.errors import DataError
from nnlab.settings import RunConfig

Written = Callable[[str], str]


MAX_CATEGORIES = 50


def dataset_of(name: str) -> Dataset:
    return read_dataset(RunConfig(data=name))


@pytest.mark.parametrize(
    ("target", "task"),
    [
        (lambda i: "cat" if i % 2 else "dog", "classification"),
        (lambda i: str(i % 3), "classification"),
        (lambda i: f"{i * 0.5}", "regression"),
        (lambda i: str(i), "regression"),
    ],
    ids=["text", "few whole numbers", "fractions", "many whole numbers"],
)
def test_the_task_follows_from_the_target(
    write_table: Written, target: Callable[[int], str], task: str
) -> None:
    name = write_table("x,y\n" + "".join(f"{i},{target(i)}\n" for i in range(30)))
    assert dataset_facts(name).task == task
    assert (
        dataset_facts(name.removesuffix("#y")).task == task
    )  # the last column is the default target


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("a,y\n1,0\n,1\n3,0\n", "line 3, column 'a': the value is missing"),
        ("a,y\n1,0\nred,1\n", "line 3, column 'a': 'red' is not a number"),
        ("a,y\n1,0\nnan,1\n", "line 3, column 'a': the value is missing ('nan')"),
        ("a,y\n1,\n2,1\n", "line 2, column 'y': the value is missing"),
        ("a,y\n1,0\n2,one\n3,1\n", "line 3, column 'y': 'one' is not a number"),
        ("a,y\n1,0\n2\n", "line 3: 1 values where the header has 2 columns"),
        ("a,y\n1,0\n\n  \n2\n", "line 5: 1 values where the header has 2 columns"),
        ("a,y\n", "has no data"),
        ("", "has no data"),
        ("y\n1\n2\n", "has one column"),
        ("a,y\n1,same\n2,same\n", "has only one value: 'same'"),
        ("a,y\n1,1.0\n2,1.0\n", "has only one value: '1.0'"),
        ("a,y\n1,0.1\n2,0.1\n3,0.1\n", "has only one value: '0.1'"),
        ("a,y\n1,1e-20\n2,1e-20\n", "has only one value: '1e-20'"),
        ("a,target\n1,2\n", "unknown column 'y'"),
        ("1,2\n3,4\n", "unknown column 'y'. Known: column_1, column_2"),
        ("a,y\nred,0\n,1\n", "line 3, column 'a': the value is missing"),
        ("a,y\nred,0\nNA,1\n", "line 3, column 'a': the value is missing ('NA')"),
        ("a,y\n?,0\n?,1\n", "column 'a': all values are missing; --drop-columns a"),
        ("a,y\n2026-11-23,0\n2026-11-24,1\n", "line 2, column 'a': '2026-11-23' is a date"),
        ("a,y\n23.11.2026,0\n12:30,1\n", "line 2, column 'a': '23.11.2026' is a date or a time"),
        ('a,b,y\n"two\nlines",1,0\nred,x,1\ngreen,2,1\n', "line 4, column 'b': 'x' is not a"),
    ],
)
def test_a_bad_table_is_reported_with_line_and_column(
    write_table: Written, table: str, message: str
) -> None:
    with pytest.raises(DataError) as caught:
        dataset_of(write_table(table))
    assert message in caught.value.message


def test_many_bad_cells_are_counted(write_table: Written) -> None:
    with pytest.raises(DataError, match=r"and 8 more cells"):
        dataset_of(write_table("a,y\n1,0\n" + "x,1\n" * 9))


def test_bad_cells_of_all_columns_are_told_at_once(write_table: Written) -> None:
    with pytest.raises(DataError) as caught:
        dataset_of(write_table("a,b,y\n1,2026-01-01,0\nx,2026-01-02,1\n"))
    assert "line 3, column 'a': 'x'" in caught.value.message
    assert "line 2, column 'b': '2026-01-01' is a date" in caught.value.message


def test_a_missing_or_binary_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no data file at"):
        dataset_of(f"csv:{tmp_path / 'none.csv'}#y")
    (tmp_path / "b.csv").write_bytes(b"\x89PNG\x00\x01")
    with pytest.raises(DataError, match="is not a CSV table in UTF-8"):
        dataset_of(f"csv:{tmp_path / 'b.csv'}#y")


def test_a_text_column_becomes_one_feature_a_value(write_table: Written) -> None:
    dataset = dataset_of(
        write_table("a,colour,b,y\n1,red,5,0\n2,green,6,1\n3,red,7,0\n4,blue,8,1\n")
    )
    assert dataset.columns == (
        FeatureColumn("a"),
        FeatureColumn("colour", ("blue", "green", "red")),
        FeatureColumn("b"),
    )
    assert dataset.examples.tolist() == [
        [1, 0, 0, 1, 5],
        [2, 0, 1, 0, 6],
        [3, 0, 0, 1, 7],
        [4, 1, 0, 0, 8],
    ]
    features = [name for column in dataset.columns for name in column.feature_names]
    assert features == ["a", "colour=blue", "colour=green", "colour=red", "b"]


def test_a_text_column_of_too_many_values_is_refused(write_table: Written) -> None:
    def table(count: int) -> str:
        return "name,y\n" + "".join(f"n{i % count},{i % 2}\n" for i in range(2 * count))

    assert dataset_of(write_table(table(MAX_CATEGORIES))).examples.shape == (100, 50)
    with pytest.raises(DataError, match="column 'name': 51 different texts, at most 50 categories"):
        dataset_of(write_table(table(MAX_CATEGORIES + 1)))


def test_the_version_is_the_hash_of_the_file(write_table: Written) -> None:
    first = dataset_facts(write_table("a,y\n1,0\n2,1\n")).version
    assert dataset_facts(write_table("a,y\n1,0\n2,1\n")).version == first
    assert dataset_facts(write_table("a,y\n1,0\n3,1\n")).version != first


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.floats(-1e6, 1e6), st.sampled_from(["a", "b, c", 'q"t']), st.integers(0, 1)),
        min_size=3,
        max_size=20,
    ).filter(lambda rows: len({row[2] for row in rows}) == 2)
)
def test_what_is_written_is_read(write_table: Written, rows: list[tuple[float, str, int]]) -> None:
    quoted = (f'{x!r},"{text.replace(chr(34), chr(34) * 2)}",{y}\n' for x, text, y in rows)
    dataset = dataset_of(write_table("x,t,y\n" + "".join(quoted)))
    values = dataset.columns[1].values
    assert dataset.examples[:, 0].tolist() == [x for x, _, _ in rows]
    assert [values[i] for i in np.argmax(dataset.examples[:, 1:], axis=1)] == [
        t for _, t, _ in rows
    ]
    assert [dataset.classes[i] for i in dataset.target_array] == [str(y) for _, _, y in rows]


def test_spellings_of_a_number_are_one_class(write_table: Written) -> None:
    dataset = dataset_of(write_table("a,y\n1,0\n2,0.0\n3,1\n4,1.0\n5,1e0\n6,-0\n"))
    assert dataset.classes == ("-0", "1")
    assert dataset.target_array.tolist() == [0, 0, 1, 1, 1, 0]
    ordinary = dataset_of(write_table("a,y\n1,0\n2,0.0\n3,1\n4,1.0\n"))
    assert (ordinary.classes, ordinary.target_array.tolist()) == (("0", "1"), [0, 0, 1, 1])


@pytest.mark.parametrize("missing", ["NA", "n/a", "null", "?", "NaN"])
def test_a_missing_value_among_texts_is_no_class(write_table: Written, missing: str) -> None:
    with pytest.raises(DataError) as error:
        dataset_of(write_table(f"a,y\n1,cat\n2,{missing}\n3,dog\n"))
    assert f"line 3, column 'y': the value is missing ('{missing}')" in error.value.message


@pytest.mark.parametrize("text", ["1_0", "１２", "1_000.5"])  # noqa: RUF001  digits of full width
def test_what_only_python_reads_as_a_number_is_text(write_table: Written, text: str) -> None:
    with pytest.raises(DataError, match=f"line 3, column 'a': '{text}' is not a number"):
        dataset_of(write_table(f"a,y\n1,0\n{text},1\n"))
    assert dataset_of(write_table(f"a,y\n1,x\n2,{text}\n")).classes == tuple(sorted((text, "x")))


def test_a_table_has_a_limit(write_table: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nnlab.engine.data.table_files.MAX_BYTES", 10)
    with pytest.raises(DataError, match="larger than the limit of 10 bytes"):
        dataset_of(write_table("a,y\n1,0\n2,1\n"))
