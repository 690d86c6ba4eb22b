"""The format of a table is detected or given, and a note names what was detected."""

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nnlab.engine.data import read_dataset, table_files
from nnlab.engine.data.dataset import Dataset, FeatureColumn
from nnlab.engine.data.table_columns import unique_names
from nnlab.engine.data.table_options import TableOptions
from nnlab.errors import ConfigError, DataError, TableProblems
from nnlab.settings import RunConfig

PLAIN = "a,b,y\n1.5,x,p\n2.5,y,q\n1234.5,x,p\n"
EXPECTED = [[1.5, 1, 0], [2.5, 0, 1], [1234.5, 1, 0]]


def read(path: Path, target: str = "y", kind: str = "csv", **settings: Any) -> Dataset:
    return read_dataset(RunConfig(data=f"{kind}:{path}#{target}", **settings))


def assert_plain(dataset: Dataset) -> None:
    assert dataset.columns == (FeatureColumn("a"), FeatureColumn("b", ("x", "y")))
    assert dataset.examples.tolist() == EXPECTED
    assert dataset.classes == ("p", "q")


@pytest.fixture
def table(tmp_path: Path) -> Callable[[str | bytes], Path]:
    def write(content: str | bytes) -> Path:
        path = tmp_path / "t.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


Write = Callable[[str | bytes], Path]


@pytest.mark.parametrize(("mark", "word"), [(";", "semicolon"), ("\t", "tab"), ("|", "pipe")])
def test_separators_are_detected_or_given(table: Write, mark: str, word: str) -> None:
    path = table(PLAIN.replace(",", mark))
    dataset = read(path)
    assert_plain(dataset)
    assert dataset.notes == (f"separated by {mark!r} (detected; --csv-sep)",)
    given = read(path, csv_sep=word)
    assert_plain(given)
    assert given.notes == ()


def test_a_separator_within_texts_is_not_detected(table: Write) -> None:
    dataset = read(table("a;note;y\n1;x, y, z;p\n2;x, y;q\n"))
    assert dataset.columns == (FeatureColumn("a"), FeatureColumn("note", ("x, y", "x, y, z")))


@pytest.mark.parametrize(
    ("encoding", "detected"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("utf-16", "utf-16"),
        ("cp1252", "cp1252"),
        ("latin-1", "cp1252"),
    ],
)
def test_encodings_are_detected(table: Write, encoding: str, detected: str | None) -> None:
    dataset = read(table("größe,y\n1,süß\n2,bitter\n".encode(encoding)))
    assert dataset.columns == (FeatureColumn("größe"),)
    assert dataset.classes == ("bitter", "süß")
    assert dataset.notes == (
        (f"encoding {detected} (detected; --csv-encoding)",) if detected else ()
    )


def test_a_given_encoding_is_used(table: Write) -> None:
    path = table("a,y\n1,\u0160\n2,b\n".encode("cp1252"))
    assert read(path, csv_encoding="latin-1").classes == ("b", "\x8a")
    with pytest.raises(DataError, match="is not a table in utf-8") as caught:
        read(path, csv_encoding="utf-8")
    assert "--csv-encoding cp1252" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("rows", "numbers", "notes"),
    [
        ("1,5;p\n1.234,5;q\n", [1.5, 1234.5], ["decimal comma", "thousands"]),
        ("1,5;p\n-2e3;q\n", [1.5, -2000.0], ["decimal comma"]),
        ("1.5;p\n1,234.5;q\n", [1.5, 1234.5], ["thousands"]),
        ("1.5;p\n2;q\n", [1.5, 2.0], []),
    ],
)
def test_decimal_and_thousands_marks(
    table: Write, rows: str, numbers: list[float], notes: list[str]
) -> None:
    dataset = read(table("a;y\n" + rows))
    assert dataset.examples[:, 0].tolist() == numbers
    assert len(dataset.notes) == 1 + len(notes)
    assert all(any(word in text for text in dataset.notes) for word in notes)


def test_thousands_among_plain_numbers_are_detected_with_commas_too(table: Write) -> None:
    dataset = read(table('a,y\n999,p\n"1,234",q\n"1,234,567.5",q\n'))
    assert dataset.examples[:, 0].tolist() == [999, 1234, 1234567.5]
    # Without a plain number they have always been texts.
    assert read(table('a,y\n"1,000",p\n"1,234",q\n')).columns[0].values == ("1,000", "1,234")
    given = read(table('a,y\n"1,000",p\n"1,234",q\n'), csv_thousands="comma")
    assert given.examples[:, 0].tolist() == [1000, 1234]


@pytest.mark.parametrize(("word", "mark"), [("space", " "), ("apostrophe", "'"), ("point", ".")])
def test_given_marks(table: Write, word: str, mark: str) -> None:
    path = table(f"a;y\n1{mark}234{mark}567,25;p\n5,5;q\n7;q\n")
    dataset = read(path, csv_decimal="comma", csv_thousands=word)
    assert dataset.examples[:, 0].tolist() == [1234567.25, 5.5, 7]


@pytest.mark.parametrize("mark", ["comma", "point"])
def test_one_mark_cannot_separate_decimals_and_thousands(table: Write, mark: str) -> None:
    with pytest.raises(ConfigError, match=f"--csv-decimal {mark} and --csv-thousands {mark} are"):
        TableOptions.of(RunConfig(data="csv:t.csv", csv_decimal=mark, csv_thousands=mark))
    # The decimal mark that was not given is then the other one.
    given, other = (",", ".") if mark == "comma" else (".", ",")
    dataset = read(table(f"a;y\n1{given}234{other}5;p\n7;q\n8;q\n"), csv_thousands=mark)
    assert dataset.examples[:, 0].tolist() == [1234.5, 7, 8]


def test_numbers_that_need_a_mark_name_the_option(table: Write) -> None:
    with pytest.raises(TableProblems, match="--csv-thousands comma") as caught:
        read(table('a,y\n1,p\n"1,5",q\n'))
    assert "'1,5' is not a number" in caught.value.message


def test_a_file_without_a_header(table: Write) -> None:
    path = table("1,2.5,0\n3,4.5,1\n5,6.5,0\n")
    dataset = read(path, target="column_3")
    assert dataset.examples.tolist() == [[1, 2.5], [3, 4.5], [5, 6.5]]
    assert dataset.notes == ("no header: the columns are column_1, ... (detected; --csv-header)",)
    assert read(path, target="0", csv_header="yes").target_array.tolist() == [1, 0]
    repeated = read(table("5.1,5.1,setosa\n4.9,3.0,virginica\n"), target="column_3")
    assert repeated.classes == ("setosa", "virginica")
    names = read(table("x,y\nu,v\nx,w\n"), target="column_2", csv_header="no")
    assert names.columns == (FeatureColumn("column_1", ("u", "x")),)


def test_unique_names_are_not_taken_from_other_columns() -> None:
    assert unique_names(["", "", "x", "x", "x_2"])[0] == ("", "column_2", "x", "x_3", "x_2")


def zipped(content: bytes, *names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [
        (".gz", gzip.compress),
        (".bz2", bz2.compress),
        (".xz", lzma.compress),
        (".zip", lambda content: zipped(content, "t.csv")),
    ],
)
def test_compressed_files(
    tmp_path: Path,
    suffix: str,
    compress: Callable[[bytes], bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / f"t.csv{suffix}"
    path.write_bytes(compress(PLAIN.encode()))
    assert_plain(read(path))
    path.write_bytes(compress(PLAIN.encode())[:-9])
    with pytest.raises(DataError, match="is damaged"):
        read(path)
    path.write_bytes(compress(b"a,y\n" + b"1,0\n" * 100_000))
    assert path.stat().st_size < 10_000
    monkeypatch.setattr(table_files, "MAX_BYTES", 20_000)
    with pytest.raises(DataError, match="larger than the limit of 20,000 bytes"):
        read(path)


def test_an_archive_needs_one_file(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.zip"
    path.write_bytes(zipped(PLAIN.encode(), "a.csv", "b.csv"))
    with pytest.raises(DataError, match=r"exactly one file, and has 2: a.csv, b.csv"):
        read(path)


def test_parquet_gives_the_features_of_the_same_csv_file(tmp_path: Path, table: Write) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "t.parquet"
    columns = {
        "a": [1.5, None, 3.25],
        "i": [1, 2, 3],
        "t": ["x", "y", None],
        "b": [True, False, True],
        "d": pa.array([0, 1, 20000], pa.int32()).cast(pa.date32()),
        "y": [0, 1, 0],
    }
    parquet.write_table(pa.table(columns), path)
    csv_path = table(
        "a,i,t,b,d,y\n1.5,1,x,true,1970-01-01,0\n,2,y,false,1970-01-02,1\n"
        "3.25,3,,true,2024-10-04,0\n"
    )
    options = {"missing": "category", "dates": "parts"}
    ours, expected = read(path, kind="parquet", **options), read(csv_path, **options)
    assert ours.columns == expected.columns
    assert ours.examples.tobytes() == expected.examples.tobytes()
    assert (ours.classes, ours.target_array.tolist()) == (("0", "1"), [0, 1, 0])
    assert read(path, **options).columns == ours.columns  # csv: reads it by its suffix
    with pytest.raises(TableProblems) as caught:
        read(path, kind="parquet")
    assert caught.value.fixes == {"missing": "category", "dates": "parts"}
    assert "row 2, column 'a'" in caught.value.message
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(DataError, match="cannot read"):
        read(path, kind="parquet")


def test_excel_gives_the_features_of_the_same_csv_file(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for line in PLAIN.splitlines():
        row = line.split(",")
        book.active.append([float(c) if c[0].isdigit() else c for c in row])
    book.create_sheet("more")
    path = tmp_path / "t.xlsx"
    book.save(path)
    dataset = read(path, kind="excel")
    assert_plain(dataset)
    assert dataset.notes == ("the first of 2 sheets, 'Sheet', is read",)
    path.write_bytes(b"no archive")
    with pytest.raises(DataError, match="is not an Excel file"):
        read(path, kind="excel")


def test_an_excel_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.xlsx"
    path.write_bytes(zipped(b"0" * 3_000_000, "xl/worksheets/sheet1.xml"))
    monkeypatch.setattr(table_files, "MAX_BYTES", 1 << 20)
    with pytest.raises(DataError, match="larger than the limit of 1 MiB"):
        read(path, kind="excel")
