"""The ranking of the board has the numbers and texts of `nnlab compare` and of the report."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line_runner import Nnlab

from nnlab import store
from nnlab.analysis.scope import Scope
from nnlab.board.context import BoardContext
from nnlab.board.parameters import Parameters
from nnlab.board.views.ranking import read_ranking
from nnlab.errors import UnknownName, UsageError


@pytest.fixture
def context(trained: Path) -> Iterator[BoardContext]:
    db = store.open_database(str(trained), write=False, create=False)
    yield BoardContext(db, Scope("runs.db"))
    db.close()


def texts(fragment: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", " ", fragment))


def test_the_ranking_equals_that_of_compare(context: BoardContext, nnlab: Nnlab) -> None:
    answer = read_ranking(context, Parameters({}))
    (group,) = answer["groups"]
    compared = nnlab("compare", "--format", "json").json
    shown = texts(group["html"])
    for note in compared["notes"]:
        assert note in shown
    for row in compared["rows"]:
        runs = ",".join(map(str, row["runs"]))
        assert f'data-runs="{runs}"' in group["html"]
    assert group["rows"] == len(compared["rows"]) == 4
    for row in nnlab("compare", "--format", "csv").out.splitlines()[1:]:
        mean_sd = next(cell for cell in row.split(",") if "±" in cell)
        assert mean_sd in shown
    assert answer["command"] == f"nnlab compare --db {context.db.address.display_name}"
    assert "val/accuracy" in answer["metrics"]
    assert answer["group_count"] == 1


def test_the_objective_and_the_scope_can_be_chosen(context: BoardContext) -> None:
    request = {"study": "opts", "by": "val/loss", "at": "last", "uncertainty": "sd"}
    answer = read_ranking(context, Parameters(request))
    shown = texts(answer["groups"][0]["html"])
    assert "By val/loss at the last epoch; lower is better. Mean ± sd" in shown
    assert "compare opts --by val/loss --at last --uncertainty sd" in answer["command"]
    selected = read_ranking(context, Parameters({"runs": "1-2"}))
    assert selected["groups"][0]["rows"] == 2
    assert selected["command"].startswith("nnlab compare 1 2")


def test_equal_requests_share_one_ranking(context: BoardContext) -> None:
    first = read_ranking(context, Parameters({}))
    assert read_ranking(context, Parameters({}))["computed_at"] == first["computed_at"]
    other = read_ranking(context, Parameters({"at": "last"}))
    assert other["computed_at"] > first["computed_at"]


def test_bad_requests_say_what_is_wrong(context: BoardContext) -> None:
    with pytest.raises(UnknownName, match="metric"):
        read_ranking(context, Parameters({"by": "val/nothing"}))
    with pytest.raises(UsageError, match="uncertainty"):
        read_ranking(context, Parameters({"uncertainty": "<b>"}))
