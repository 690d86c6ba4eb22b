"""The view of one run: what the server answers, and its page with hostile contents."""

import sqlite3
from pathlib import Path

import pytest
from command_line_runner import Nnlab
from playwright.sync_api import Page, expect

from nnlab import store
from nnlab.analysis.scope import Scope, resolve_scope
from nnlab.board.context import BoardContext
from nnlab.board.parameters import Parameters
from nnlab.board.views.one_run import read_one_run
from nnlab.board.views.run_layers import read_run_layers
from nnlab.board.views.run_log import read_run_log
from nnlab.errors import UnknownName

PATIENCE = 30_000
HOSTILE = "<img src=x onerror=alert(1)>"
SCRIPT = """
import sys
print("\\x1b[31mred\\x1b[0m start")
for step in range(300):
    print(f"line {step}\\rnew {step}")
print("loss: 0.5")
"""


def context_of(path: Path) -> BoardContext:
    database = store.open_database(str(path), write=False, create=False)
    return BoardContext(database, resolve_scope(database, None))


def test_a_run_with_its_setting_metrics_files_and_relatives(trained: Path) -> None:
    answer = read_one_run(context_of(trained), Parameters({"run": "1"}))
    assert answer["study"] == "opts"
    assert answer["state"]["status"] == "finished"
    with_effect = {row["name"] for row in answer["setting"] if row["has_effect"]}
    assert {"opt", "lr", "data"} <= with_effect
    metrics = {row["metric"]: row for row in answer["metrics"]}
    assert metrics["val/accuracy"]["is_objective"]
    assert not any(name.startswith(("probe/", "data/")) for name in metrics)
    assert {file["kind"] for file in answer["files"]} == {"model", "model_description"}
    assert all(str(file["address"]).startswith("artifacts/1/") for file in answer["files"])
    others = [other["run"] for other in answer["related"]]
    assert len(others) == 2
    assert 1 in others
    assert [attempt["outcome"] for attempt in answer["attempts"]] == ["finished"]
    assert answer["environment"]["packages"]["torch"]


def test_runs_outside_of_the_scope_are_unknown(trained: Path) -> None:
    whole = context_of(trained)
    context = BoardContext(whole.db, Scope("two", runs=(1, 2)))
    assert read_one_run(context, Parameters({"run": "2"}))["run"] == 2
    for read in (read_one_run, read_run_layers, read_run_log):
        with pytest.raises(UnknownName):
            read(context, Parameters({"run": "3"}))


def test_layers_have_a_line_each(trained: Path) -> None:
    answer = read_run_layers(context_of(trained), Parameters({"run": "1"}))
    quantities = {entry["quantity"]: entry for entry in answer["quantities"]}
    assert "dead" in quantities
    lines = quantities["dead"]["lines"]
    assert [line["layer"] for line in lines] == sorted(line["layer"] for line in lines)
    assert all(len(line["x"]) == len(line["y"]) > 1 for line in lines)


def test_secrets_in_settings_are_hidden(trained: Path) -> None:
    with sqlite3.connect(trained) as connection:
        connection.execute(
            "UPDATE trial SET setting = json_set(setting, '$.api_key', 'sk-123456789'),"
            " nested_setting = '{}'"
        )
        connection.execute("UPDATE run SET origin = 'recorded'")
    answer = read_one_run(context_of(trained), Parameters({"run": "1"}))
    assert "sk-123456789" not in str(answer)
    assert {"name": "api_key", "value": "***", "has_effect": True} in answer["setting"]


def test_the_output_of_a_script_as_a_terminal_shows_it(nnlab: Nnlab, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    nnlab("run", "script.py", "--study", "s")
    context = context_of(tmp_path / "runs.db")
    answer = read_run_log(context, Parameters({"run": "1", "lines": "1000"}))
    assert answer["lines"][0] == "red start"
    assert "new 7" in answer["lines"]
    assert "line 7" not in answer["lines"]
    assert answer["is_complete"]
    short = read_run_log(context, Parameters({"run": "1", "lines": "2"}))
    assert short["lines"] == answer["lines"][-2:]
    assert not short["is_complete"]
    same = read_run_log(context, Parameters({"run": "1", "size": str(answer["size"])}))
    assert same["is_unchanged"]
    assert same["lines"] == []
    assert short["has_more"]
    assert not answer["has_more"]


def test_a_link_in_place_of_the_output_is_not_read(nnlab: Nnlab, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("print('loss: 0.5')")
    nnlab("run", "script.py", "--study", "s")
    (output,) = tmp_path.rglob("output.txt")
    (tmp_path / "secret").write_text("secret")
    output.unlink()
    output.symlink_to(tmp_path / "secret")
    answer = read_run_log(context_of(tmp_path / "runs.db"), Parameters({"run": "1"}))
    assert answer["size"] is None


def test_the_page_shows_hostile_contents_as_text(
    page: Page, board_url: str, trained: Path, nnlab: Nnlab
) -> None:
    with sqlite3.connect(trained) as connection:
        connection.execute("UPDATE run SET name = ?, reason = ?", (HOSTILE, HOSTILE))
        connection.execute("UPDATE attempt SET command = ?, traceback = ?", (HOSTILE, HOSTILE))
    page.goto(f"{board_url}#view=run&run.id=1")
    expect(page.locator("#view h2").first).to_have_text("Run 1: opts", timeout=PATIENCE)
    expect(page.locator("#view")).to_contain_text("Layers")
    assert page.locator("#view").inner_text().count(HOSTILE) >= 3
    assert page.locator("#view img").count() == 0
    page.locator("summary", has_text="packages").click()
    page.set_viewport_size({"width": 375, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
