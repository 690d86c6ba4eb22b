"""The tools that train and stop, and the command as a process that a client starts."""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import pytest
from command_line_runner import Nnlab
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_calls import call_tool, text_of

import nnlab
from nnlab.errors import UsageError
from nnlab.mcp_server.commands import CommandRunner, Option, option_words

TINY: dict[str, Option] = {"data": "iris", "width": 8, "depth": 1, "epochs": 3, "seeds": 2}


def test_train_returns_the_ranking_and_trains_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    arguments = {"study": "rates", "options": {**TINY, "lr": [0.001, 0.01]}, "wait_seconds": 300}
    first = json.loads(text_of(call_tool(path, "train", arguments, allow_run=True)))
    assert first["state"] == "finished"
    assert [row["n"] for row in first["ranking"]["rows"]] == [2, 2]
    again = json.loads(text_of(call_tool(path, "train", arguments, allow_run=True)))
    assert again == first
    with nnlab.open(path) as results:
        assert len(results.runs()) == 4


def test_the_gate_answers_and_knows_its_answer_later(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    options = {"data": "iris", "width": 8, "depth": 1, "epochs": 3}

    def gate(lr: float) -> Any:
        arguments = {
            "study": "loop", "options": {**options, "lr": lr}, "objective": "val/loss",
            "max_seeds": 3, "wait_seconds": 300,
        }  # fmt: skip
        return json.loads(text_of(call_tool(path, "gate", arguments, allow_run=True)))

    first = gate(0.1)
    assert (first["verdict"], first["exit_code"], first["from_ledger"]) == ("baseline", 0, False)
    worse = gate(0.0001)
    assert (worse["verdict"], worse["exit_code"]) == ("discard", 10)
    assert worse["change"] == "lr 0.1 -> 0.0001"
    assert gate(0.0001) == {**worse, "from_ledger": True}


def test_errors_of_the_command_are_returned(tmp_path: Path) -> None:
    arguments = {"study": "s", "options": {"optt": "adam"}, "wait_seconds": 300}
    answer = json.loads(
        text_of(call_tool(tmp_path / "runs.db", "train", arguments, allow_run=True))
    )
    assert answer["state"] == "failed"
    assert answer["exit_code"] == 2
    assert "--optt" in answer["errors"]


def test_a_command_that_takes_long_goes_on(tmp_path: Path) -> None:
    runner = CommandRunner(str(tmp_path / "runs.db"))
    words = ["train", "--study=long", *option_words({**TINY, "epochs": 40})]
    assert runner.run(words, 0.0).exit_code is None
    state = runner.run(words, 300.0)
    assert state.exit_code == 0, state.errors
    with nnlab.open(tmp_path / "runs.db") as results:
        assert [run.run.status for run in results.runs()] == ["finished", "finished"]


def test_stop_ends_runs_with_a_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    runner = CommandRunner(str(path))
    words = ["train", "--study=long", *option_words({**TINY, "epochs": 100_000, "seeds": 1})]
    assert runner.run(words, 0.0).exit_code is None
    deadline = time.monotonic() + 120
    while not _has_epoch(path):
        assert time.monotonic() < deadline, runner.run(words, 0.0)
        time.sleep(0.1)
    answer = json.loads(text_of(call_tool(path, "stop", {"names": ["long"]}, allow_run=True)))
    assert answer == {"stopping": [1]}
    assert runner.run(words, 300.0).exit_code is not None
    with nnlab.open(path) as results:
        assert results.run(1).run.status == "interrupted"


def _has_epoch(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with nnlab.open(path) as results:
            return bool(results.runs()) and results.run(1).run.epochs > 0
    except nnlab.errors.NnlabError:  # it is being created
        return False


def test_a_client_starts_the_command(database: Path) -> None:
    async def ask() -> Any:
        words = ["-m", "nnlab", "mcp", "--db", str(database)]
        parameters = StdioServerParameters(command=sys.executable, args=words)
        async with Client(stdio_client(parameters)) as client:
            assert client.instructions is not None
            assert "gate" in client.instructions
            return await client.call_tool("studies", {})

    assert json.loads(text_of(anyio.run(ask)))["rows"][0]["study"] == "rates"


def test_without_the_package_the_command_says_how_to_install_it(
    nnlab: Nnlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mcp.server", None)
    monkeypatch.delitem(sys.modules, "nnlab.mcp_server.server", raising=False)
    answer = nnlab("mcp", expect=2)
    assert 'pip install "nnlab[mcp]"' in answer.err


def test_two_callers_receive_the_end_of_one_command(tmp_path: Path) -> None:
    runner = CommandRunner(str(tmp_path / "runs.db"))
    words = ["train", "--study=s", "--optt=adam"]
    with ThreadPoolExecutor() as pool:
        states = list(pool.map(lambda _: runner.run(words, 300.0), range(8)))
    assert {state.exit_code for state in states} == {2}
    assert all("--optt" in state.errors for state in states)
    assert not runner._started


@pytest.mark.parametrize("word", ["a\0b", "x" * 3_000_000])
def test_words_that_no_process_can_receive_are_an_error(tmp_path: Path, word: str) -> None:
    arguments = {"study": word, "options": {}}
    result = call_tool(tmp_path / "runs.db", "train", arguments, allow_run=True)
    assert result.is_error
    assert "nnlab train could not be started: " in text_of(result)


def test_stop_needs_names(tmp_path: Path) -> None:
    result = call_tool(tmp_path / "runs.db", "stop", allow_run=True)
    assert result.is_error
    assert "there is nothing to stop" in text_of(result)


@pytest.mark.parametrize("tool", ["train", "gate"])
@pytest.mark.parametrize(
    "option", ["notify", "cmd", "script", "python", "artifacts", "dry_run", "launcher"]
)
def test_a_client_cannot_choose_a_shell_command_or_a_folder(
    tmp_path: Path, tool: str, option: str
) -> None:
    arguments = {"study": "s", "options": {**TINY, option: "touch executed"}}
    result = call_tool(tmp_path / "runs.db", tool, arguments, allow_run=True)
    assert result.is_error
    name = option.replace("_", "-")
    assert f"the option {name} cannot be given here" in text_of(result)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["db", "--db", "format", "", "--", "lr=1 --db", "x y"])
def test_options_of_the_server_and_words_that_are_none_are_refused(name: str) -> None:
    with pytest.raises(UsageError):
        option_words({name: "1"})


@given(st.text())
def test_a_value_never_becomes_another_option(value: str) -> None:
    assert option_words({"opt": value}) == [f"--opt={value}"]
