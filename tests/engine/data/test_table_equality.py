"""Tables that the first reader accepted give the same data set, bit for bit, in every way."""

import hashlib
import importlib.util
import io
from pathlib import Path

import numpy as np
import original_csv_table
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nnlab.engine.data import large_csv, read_dataset, table_files
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.table_options import FormatOptions
from nnlab.errors import DataError
from nnlab.settings import RunConfig

NUMBERS = [
    "1",
    "0",
    "-0",
    "2.5",
    "+1",
    "1e5",
    "1.",
    ".5",
    "007",
    "1.0",
    "9007199254740993",
    "1e-320",
]
TEXTS = ["red", "yes", "no", "t", "1,234", "1_0", "x;y", "a|b", "a\tb", 'q"t', "two\nlines", "ä"]
ODD = ["", "NA", "-", "?", "nan", "inf", "2026-01-01", "12:30", "1.234,5", "0x10", " 3 ", "\xa04"]

number = st.sampled_from(NUMBERS) | st.floats(allow_nan=False, allow_infinity=False).map(repr)
cell = {
    "number": number,
    "text": st.sampled_from(TEXTS),
    "mixed": st.sampled_from(NUMBERS + TEXTS + ODD),
}
name = st.sampled_from(["a", "b", "c", "x y", "", "1", "2.5", "a;b"])


@st.composite
def tables(draw: st.DrawFn) -> str:
    """A table whose cells are quoted where necessary, and sometimes where it is not."""
    column = st.sampled_from(["number"] * 4 + ["text", "mixed"])
    kinds = draw(st.lists(column, min_size=1, max_size=4))
    header = draw(st.lists(name, min_size=len(kinds), max_size=len(kinds), unique=True))
    targets = st.sampled_from(["0", "1", "cat", "1.0"])
    row = st.tuples(*(cell[kind] for kind in kinds), targets)
    rows = draw(st.lists(row, min_size=2, max_size=8))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    quoted = draw(st.booleans())

    def csv_cell(text: str) -> str:
        needs = quoted or any(mark in text for mark in ',"\n\r')
        return '"' + text.replace('"', '""') + '"' if needs else text

    lines = [",".join(map(csv_cell, row)) for row in [(*header, "y"), *rows]]
    return end.join(lines) + draw(st.sampled_from(["", end, end * 2]))


@pytest.fixture(params=["csv", "arrow"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Either reader of CSV files, also for small ones."""
    if request.param == "arrow":
        pytest.importorskip("pyarrow")
        monkeypatch.setattr(table_files, "MIN_ARROW_BYTES", 0)
    return str(request.param)


def assert_equal(ours: Dataset, original: Dataset) -> None:
    assert ours.columns == original.columns
    assert ours.examples.tobytes() == original.examples.tobytes()
    assert (ours.target_array.dtype, ours.target_array.tobytes()) == (
        original.target_array.dtype,
        original.target_array.tobytes(),
    )
    assert (ours.task, ours.classes, ours.version) == (
        original.task,
        original.classes,
        original.version,
    )
    assert ours.target_name == original.target_name


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(tables() | st.text('12,;."\n\ra \t', max_size=40))
@example("a,y\n1,0\n2,1\n")
@example("a;b,y\n1;2,0\n3;4,1\n")
@example('a,y\n"1,234",0\n"5,678",1\n')
@example("\n\na,y\n1,0\n\n2,1")
@example("a,y\n1,0\n2,0x10\n")
@example("\ufeffa,y\n1,x\n2,\u00e4\n")
@example('a,y\nq"t,0\n"q""t" z,1\n')
@example("a,y\n1,0\r2,1\n")
@example("5.1,3.5,setosa\n4.9,3.0,virginica\n4.7,3.2,setosa\n")
def test_accepted_tables_are_unchanged(tmp_path: Path, reader: str, content: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content.encode())
    try:
        original = original_csv_table.read_dataset(f"csv:{path}")
    except DataError:
        return
    assert_equal(read_dataset(RunConfig(data=f"csv:{path}")), original)


@pytest.mark.parametrize("target", ["kind", "value", "grade"])
def test_large_tables_are_read_by_pyarrow_with_equal_results(
    tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyarrow")
    rng = np.random.default_rng(0)
    path = tmp_path / "large.csv"
    rows = [
        f"{x!r},{int(i)},{'rgb'[i % 3]} ,{'ab'[i % 2]},{x * 3!r},{i % 5}.0"
        for i, x in enumerate(rng.normal(size=30_000).tolist())
    ]
    path.write_text("x,i,colour,kind,value,grade\n" + "\n".join(rows) + "\n")
    assert path.stat().st_size > table_files.MIN_ARROW_BYTES
    used = []
    fast = large_csv.read_large_csv

    def spy(*arguments: object) -> object:
        used.append(fast(*arguments))  # type: ignore[arg-type]
        return used[-1]

    monkeypatch.setattr(table_files, "read_large_csv", spy)
    ours = read_dataset(RunConfig(data=f"csv:{path}#{target}"))
    assert used[0] is not None
    assert_equal(ours, original_csv_table.read_dataset(f"csv:{path}#{target}"))


@pytest.mark.parametrize("quoted", [False, True])
def test_missing_values_in_the_middle_of_large_tables(tmp_path: Path, quoted: bool) -> None:
    """The texts of missing values differ, and the first rows have none."""
    pytest.importorskip("pyarrow")
    rows = [f"{i}.5,{'NA' if i % 999 == 998 else i},x{i % 2}" for i in range(90_000)]
    if quoted:
        rows[5] = '5.5,5,"x1"'
    path = tmp_path / "large.csv"
    path.write_text("a,b,y\n" + "\n".join(rows) + "\n")
    assert path.stat().st_size > table_files.MIN_ARROW_BYTES
    result = large_csv.read_large_csv(path, FormatOptions(), "y", (), table_files.MAX_BYTES)
    assert result is not None
    dataset = read_dataset(RunConfig(data=f"csv:{path}", missing="drop"))
    kept = [i for i in range(90_000) if i % 999 != 998]
    assert dataset.examples.tolist() == [[i + 0.5, i] for i in kept]
    assert dataset.classes == ("x0", "x1")


def is_regular(content: bytes, size: int) -> bool:
    stream = large_csv.HashingStream(io.BytesIO(content))
    while stream.read(size):
        pass
    if stream.is_regular:
        assert stream.version() == hashlib.sha256(content).hexdigest()[:16]
    return stream.is_regular


@given(st.text('a,"\n\r', max_size=12), st.integers(1, 5))
@example('"a""', 1)
@example('"",""', 2)
@example('a\r\n"b"\r\n', 2)
@example('"a"b', 3)
def test_the_blocks_of_a_file_do_not_matter(text: str, size: int) -> None:
    content = text.encode()
    assert is_regular(content, size) == is_regular(content, 100)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a,"b"\n"c",d', True),
        ('"a""b",c\r\n', True),
        ('a"b,c\n', False),
        ('"a"b,c\n', False),
        ('"a\nb",c\n', False),
        ("a\rb,c\n", False),
        (' "a",b\n', False),
    ],
)
def test_unusual_quotes_and_line_ends_are_found(text: str, expected: bool) -> None:
    assert is_regular(text.encode(), 100) == expected


def test_messages_of_large_tables_have_the_right_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if importlib.util.find_spec("pyarrow") is not None:
        monkeypatch.setattr(table_files, "MIN_ARROW_BYTES", 0)
    path = tmp_path / "t.csv"
    path.write_text("a,b,y\n" + "1,x,0\n" * 2000 + "\n\n2,,1\n")
    with pytest.raises(DataError, match="line 2004, column 'b': the value is missing"):
        read_dataset(RunConfig(data=f"csv:{path}"))
