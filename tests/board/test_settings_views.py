"""The views "Settings" and "Two runs": their data, and the page in a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from nnlab import store
from nnlab.analysis.scope import resolve_scope
from nnlab.board.context import BoardContext
from nnlab.board.parameters import Parameters
from nnlab.board.views.settings import read_importance, read_settings
from nnlab.board.views.two_runs import read_two_curves, read_two_runs
from nnlab.errors import NnlabError, UnknownName, UsageError

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def context(trained: Path) -> Iterator[BoardContext]:
    """A board of the small study."""
    database = store.open_database(str(trained), write=False, create=False)
    yield BoardContext(database, resolve_scope(database, None))
    database.close()


def test_settings_have_trials_points_and_cells(context: BoardContext) -> None:
    values = read_settings(context, Parameters({"study": "opts", "x": "lr", "lines": "opt"}))
    assert values["fields"] == ["opt", "lr"]
    assert len(values["trials"]) == values["total"] == 4
    assert {point["n"] for point in values["sweep"]["points"]} == {2}
    assert len(values["heatmap"]["points"]) == 4
    assert "plot sweep opts --x lr --lines opt" in values["sweep"]["command"]
    best = values["trials"][0]
    point = next(p for p in values["sweep"]["points"] if p["at"] == best["values"][::-1])
    assert point["mean"] == best["mean"]


def test_mean_over_other_settings_is_marked(context: BoardContext) -> None:
    values = read_settings(context, Parameters({"x": "lr", "over": "mean"}))
    assert any("means over" in note for note in values["sweep"]["notes"])
    with pytest.raises(UsageError, match="over"):
        read_settings(context, Parameters({"over": "median"}))


def test_importance_has_shares_or_a_reason(context: BoardContext) -> None:
    shares = read_importance(context, Parameters({}))["shares"]
    assert {tuple(share["fields"]) for share in shares} >= {("opt",), ("lr",)}
    assert "reason" in read_importance(context, Parameters({"runs": "1"}))


def test_two_runs_differ_in_their_settings(context: BoardContext) -> None:
    first, *_, last = (run.id for run in store.runs(context.db))
    values = read_two_runs(context, Parameters({"a": str(first), "b": str(last)}))
    assert {"opt", "lr"} <= {row[0] for row in values["settings"]}
    assert [run["run"] for run in values["runs"]] == [first, last]
    curves = read_two_curves(context, Parameters({"a": str(first), "b": str(last)}))
    assert "val/loss" in {entry["metric"] for entry in curves["metrics"]}


def test_unknown_run_is_refused(context: BoardContext) -> None:
    with pytest.raises(UnknownName):
        read_two_runs(context, Parameters({"a": "1", "b": "99"}))
    with pytest.raises(NnlabError):
        read_two_curves(context, Parameters({"a": "1", "b": "99"}))


def test_brush_in_link_and_keyboard(board_url: str, page: Page) -> None:
    page.goto(f"{board_url}#view=settings&study=opts&settings.x=lr")
    page.wait_for_selector(".parallel-line", state="attached", timeout=30_000)
    assert page.locator(".parallel-line").count() == 4
    assert page.locator(".heatmap-cell").count() == 4
    handle = page.locator('[role=slider][aria-label^="opt: lower"]')
    handle.focus()
    handle.press("ArrowUp")
    expect(page.locator(".parallel-line.is-faint")).to_have_count(2, timeout=30_000)
    assert "settings.brush" in page.url
    page.reload()
    expect(page.locator(".parallel-line.is-faint")).to_have_count(2, timeout=30_000)
    page.get_by_role("button", name="Select the runs").click()
    expect(page).to_have_url(re.compile("runs="), timeout=30_000)


def test_two_runs_are_swapped(board_url: str, page: Page) -> None:
    page.goto(f"{board_url}#view=compare&compare.a=1&compare.b=4")
    page.get_by_role("heading", name="Settings").wait_for(timeout=30_000)
    page.get_by_role("button", name="Swap").click()
    expect(page.locator("thead th:nth-child(2)").first).to_have_text("run 4", timeout=30_000)
