"""Tables of the API: sequences, text, HTML and data frames, with hostile values escaped."""

import importlib.util
import sqlite3
import sys
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from command_line_runner import QUICK, Nnlab
from hypothesis import given
from hypothesis import strategies as st

import nnlab as api
from nnlab.api.result_tables import FindingTable
from nnlab.api.table_text import html_table, text_table
from nnlab.errors import MissingPackage
from nnlab.records import Finding, Severity

HOSTILE = '<script>alert("1")</script>\x1b[2J\u202e&amp;'


def finding(message: str) -> Finding:
    return Finding("NN999", message, Severity.ERROR, 0.5, None, message, message, {message: 1.0})


class Reader(HTMLParser):
    """Collects the elements and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        assert {name for name, _ in attrs} <= {"style"}

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@given(st.text(), st.text(), st.text())
def test_html_contains_only_the_elements_of_a_table(cell: str, heading: str, note: str) -> None:
    page = Reader(html_table(heading, [cell], [[cell], [{cell: [cell]}]], [note]))
    assert set(page.elements) == {"div", "p", "b", "table", "thead", "tbody", "tr", "th", "td"}
    assert all(letter.isprintable() or letter in "\n\t\u00a0" for letter in "".join(page.text))


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=3))
def test_text_has_a_line_for_each_row(rows: list[list[str]]) -> None:
    lines = text_table(["a", "b"], rows)
    assert len(lines) == len(rows) + 1
    assert len({len(line) for line in lines}) == 1
    assert all(letter.isprintable() for line in lines for letter in line)


def test_hostile_findings_are_escaped() -> None:
    table = FindingTable([finding(HOSTILE)])
    assert "<script" not in table._repr_html_()
    assert "&lt;script&gt;" in table._repr_html_()
    assert "\x1b" not in repr(table) + table._repr_html_()


def test_hostile_names_in_a_database_are_escaped(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "-q")
    connection = sqlite3.connect(folder / "runs.db")
    connection.execute("UPDATE study SET name = ?, question = ?", (HOSTILE, HOSTILE))
    connection.execute("UPDATE run SET name = ?", (HOSTILE,))
    connection.execute("UPDATE metric SET name = ? WHERE name = 'train/loss'", (HOSTILE,))
    connection.commit()
    connection.close()
    with api.open() as results:
        shown: list[Any] = [
            results.studies(), results.runs(), results.history(1), results.compare(),
            results.findings(1),
        ]  # fmt: skip
    for table in shown:
        for text in (table._repr_html_(), repr(table)):
            assert "\x1b" not in text
            assert "\u202e" not in text
        assert "script" not in Reader(table._repr_html_()).elements
    assert "alert" in repr(shown[0])


def test_a_table_is_a_sequence() -> None:
    findings = [finding(str(number)) for number in range(120)]
    table = FindingTable(findings)
    assert list(table) == findings
    assert (len(table), table[0], table[-1]) == (120, findings[0], findings[-1])
    assert findings[5] in table
    part = table[2:4]
    assert isinstance(part, FindingTable)
    assert list(part) == findings[2:4]
    assert repr(part).splitlines()[0] == "2 findings"
    assert repr(table).splitlines()[-1] == "and 70 more findings"
    assert repr(FindingTable([])) == "0 findings"
    assert "<table>" not in FindingTable([])._repr_html_()
    with pytest.raises(IndexError):
        table[120]


def test_a_table_is_aligned() -> None:
    rows: list[list[object]] = [[1, "a", 0.123456], [12, "bcd", None]]
    assert text_table(["run", "name", "best"], rows) == [
        "run  name     best",
        "  1  a     0.12346",
        " 12  bcd          ",
    ]


@dataclass
class StubFrame:
    """Stands for a data frame where pandas is not installed."""

    data: list[list[Any]]
    columns: list[str]
    index: str | None = None
    dtype: type | None = None

    def set_index(self, name: str) -> "StubFrame":
        return StubFrame(self.data, self.columns, name)

    def astype(self, dtype: type) -> "StubFrame":
        return StubFrame(self.data, self.columns, self.index, dtype)


@pytest.fixture
def stub_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = ModuleType("pandas")
    module.DataFrame = StubFrame
    monkeypatch.setitem(sys.modules, "pandas", module)


def test_a_data_frame_has_the_keys_of_the_json_output(trained: Nnlab, stub_pandas: None) -> None:
    with api.open() as results:
        frame: Any = results.runs().to_pandas()
        listed = trained("ls", "--format", "json").json
        assert [column for column in frame.columns if column != "last"] == list(listed[0])
        assert [row[0] for row in frame.data] == [4, 3, 2, 1]
        studies: Any = results.studies().to_pandas()
        assert studies.columns == list(trained("studies", "--format", "json").json[0])
        history: Any = results.history(1).to_pandas()
        assert (history.index, history.dtype) == ("epoch", float)
        assert [row[0] for row in history.data] == [1, 2, 3]
        ranking: Any = results.compare().to_pandas()
        assert ranking.columns[:3] == ["rank", "opt", "n"]
        assert len(set(ranking.columns)) == len(ranking.columns)
        assert [row[1] for row in ranking.data] == [row.setting["opt"] for row in results.compare()]
        # Columns exist without a row.
        empty: Any = results.findings(1)[:0].to_pandas()
        assert empty.columns[0] == "code"


def test_a_missing_pandas_is_an_import_error_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="needs pandas") as caught:
        FindingTable([]).to_pandas()
    assert isinstance(caught.value, MissingPackage)
    assert caught.value.hint == "pip install pandas"


@pytest.mark.skipif(
    importlib.util.find_spec("pandas") is None,
    reason="pandas is no dependency of nnlab; the tests above use a stub",
)
def test_a_real_data_frame(trained: Nnlab) -> None:
    del trained
    with api.open() as results:
        history = results.history(1)
        frame = history.to_pandas()
        assert frame["val/loss"].tolist() == list(history["val/loss"].values)
        assert frame.index.name == "epoch"
        assert results.runs().to_pandas()["run"].tolist() == [4, 3, 2, 1]
        assert results.compare().to_pandas().shape[0] == 2
        assert next(iter(results.findings(1)[:0].to_pandas().columns)) == "code"
