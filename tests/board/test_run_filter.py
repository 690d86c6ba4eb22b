"""The filter of the table of runs: the same cases in SQL and in the script of exported pages."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Page

from nnlab import store
from nnlab.analysis.scope import Scope, resolve_scope
from nnlab.board.context import BoardContext
from nnlab.board.export import _all_rows, _AnswerReader
from nnlab.board.parameters import Parameters
from nnlab.board.run_filter import parse_run_filter
from nnlab.board.views.runs import read_run_ids, read_runs, read_trials
from nnlab.errors import UsageError
from nnlab.stats.intervals import confidence_interval

CASES = json.loads((Path(__file__).parent / "filter_cases.json").read_text())
EVALUATE = """
async ([rows, cases]) => {
  const { matchesRunFilter, parseRunFilter } = await import("./run_filter.js");
  return cases.map(({ filter }) => rows.filter((row) =>
    matchesRunFilter(parseRunFilter(filter), row)).map((row) => row.run));
}
"""


@pytest.fixture
def table(trained: Path) -> BoardContext:
    """The runs of the study opts with a name, tags, a finding, and known scores."""
    with sqlite3.connect(trained) as connection:
        connection.execute("UPDATE run SET name = 'base 100%' WHERE id = 1")
        connection.execute("""UPDATE run SET tags = '["good", "x"]' WHERE id IN (2, 3)""")
        connection.execute("DELETE FROM finding")
        connection.execute(
            "INSERT INTO finding (run_id, code, name, severity, confidence, onset, message, remedy,"
            " evidence, created_at) VALUES (4, 'NN101', 'overfitting', 'warning', 0.9, 1, 'm', 'r',"
            " '{}', '2026-01-01T00:00:00+00:00')"
        )
        for metric, name in ((901, "score"), (902, "val/score")):
            connection.execute("INSERT INTO metric VALUES (?, ?, 'max', NULL)", (metric, name))
            connection.executemany(
                "INSERT INTO summary VALUES (?, ?, 2, ?, 2, ?, 1)",
                [(run, metric, run / 10 + 0.05, run / 10) for run in range(1, 9)],
            )
    return context_of(trained)


def context_of(path: Path, scope: Scope | None = None) -> BoardContext:
    database = store.open_database(str(path), write=False, create=False)
    return BoardContext(database, scope or resolve_scope(database, None))


def matching(context: BoardContext, text: str, **parameters: str) -> list[int]:
    ids: list[int] = list(read_run_ids(context, Parameters({"filter": text, **parameters}))["runs"])
    return ids


def test_cases_in_sql(table: BoardContext) -> None:
    for case in CASES:
        assert sorted(matching(table, case["filter"])) == case["runs"], case["filter"]


def test_cases_in_the_script_of_exported_pages(
    table: BoardContext, page: Page, board_url: str
) -> None:
    runs = store.runs(table.db)
    rows: Any = json.loads(json.dumps(_all_rows(_AnswerReader(table), runs)["rows"]))
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    page.goto(f"{board_url}assets/board/style.css")
    answers = page.evaluate(EVALUATE, [rows, CASES])
    for case, found in zip(CASES, answers, strict=True):
        assert sorted(found) == case["runs"], case["filter"]


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ('adam name:"x', "position 11"),
        ("status:done", "position 1"),
        ("a run:x", "position 3"),
        ("val/loss<low", "position 1"),
        ("opt<adam", "position 1"),
        ("-status:done", "position 2"),
    ],
)
def test_a_filter_without_meaning_names_the_position(text: str, position: str) -> None:
    with pytest.raises(UsageError, match=position):
        parse_run_filter(text)


def test_a_filter_has_limits() -> None:
    with pytest.raises(UsageError, match="longer than 500"):
        parse_run_filter("x" * 501)
    with pytest.raises(UsageError, match="more than 20"):
        parse_run_filter("x " * 21)


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_a_usage_error(text: str) -> None:
    try:
        conditions = parse_run_filter(text)
    except UsageError:
        return
    assert len(conditions) == len(text.split()) or '"' in text or "\x00" in text or conditions


@pytest.mark.parametrize("name", ["%", "_", "\\", "'", '"', "{x}", "$.a", "ä", "x" * 200])
def test_hostile_names_are_found_as_text(trained: Path, name: str) -> None:
    with sqlite3.connect(trained) as connection:
        connection.execute("UPDATE run SET name = ? WHERE id = 5", (name,))
    context = context_of(trained)
    quoted = name.replace('"', "")
    assert 5 in matching(context, f'name:"{quoted}*"')
    assert matching(context, f'name:"{quoted}#"') == []
    assert matching(context, f"{quoted}x=1" if quoted else "y=1") == []


def test_a_damaged_setting_hides_no_other_run(trained: Path) -> None:
    with sqlite3.connect(trained) as connection:
        connection.execute("UPDATE trial SET setting = '{broken' WHERE id = 1")
    context = context_of(trained)
    assert matching(context, "opt=adam") == [8, 7, 4, 3]
    assert matching(context, "", sort="setting:lr")[-2:] == [5, 1]


def test_damaged_tags_hide_no_other_run(table: BoardContext, trained: Path) -> None:
    with sqlite3.connect(trained) as connection:
        connection.execute("UPDATE run SET tags = '[broken' WHERE id = 2")
    assert matching(table, "tag:good") == [3]


def test_orders_have_missing_values_last(table: BoardContext) -> None:
    with sqlite3.connect(str(table.db.address.path)) as connection:  # type: ignore[attr-defined]
        connection.execute("DELETE FROM summary WHERE metric_id = 901 AND run_id = 8")
    assert matching(table, "", sort="-best:score") == [7, 6, 5, 4, 3, 2, 1, 8]
    assert matching(table, "", sort="best:score") == [1, 2, 3, 4, 5, 6, 7, 8]
    assert matching(table, "", sort="seed") == [4, 3, 2, 1, 8, 7, 6, 5]
    assert matching(table, "", sort="-setting:opt")[:4] == [6, 5, 2, 1]
    with pytest.raises(UsageError, match="sort"):
        matching(table, "", sort="colour")


def test_the_scope_limits_the_table(table: BoardContext) -> None:
    context = BoardContext(table.db, Scope("two", runs=(2, 5)))
    answer = read_runs(context, Parameters({}))
    assert [row["run"] for row in answer["rows"]] == [5, 2]
    assert answer["total"] == 2


def test_a_running_run_without_worker_is_interrupted(trained: Path) -> None:
    with sqlite3.connect(trained) as connection:
        connection.execute("UPDATE run SET status = 'running', lease_until = 1 WHERE id = 3")
    context = context_of(trained)
    assert matching(context, "status:interrupted") == [3]
    assert matching(context, "status:running") == []


def test_trials_have_the_mean_and_interval_of_their_seeds(table: BoardContext) -> None:
    answer = read_trials(table, Parameters({"metric": "score"}))
    assert answer["direction"] == "max"
    assert answer["total"] == 4
    best = answer["trials"][0]
    assert best["runs"] == [4, 8]
    assert best["mean"] == pytest.approx(0.6)
    low, high = confidence_interval([0.4, 0.8])
    assert (best["low"], best["high"]) == (pytest.approx(low), pytest.approx(high))
    means = [trial["mean"] for trial in answer["trials"]]
    assert means == sorted(means, reverse=True)
