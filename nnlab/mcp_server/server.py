"""The server itself: the tools with their descriptions, and the conversion of errors."""

import functools
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field

from nnlab import store
from nnlab.analysis.selection import select_runs
from nnlab.errors import NnlabError, UsageError
from nnlab.io.escaping import escape_terminal
from nnlab.io.redaction import mask_secrets
from nnlab.mcp_server import reading
from nnlab.mcp_server.commands import CommandRunner, CommandState, Option, option_words, output_tail
from nnlab.mcp_server.compact_json import compact_json
from nnlab.study.database import database_target, open_results
from nnlab.version import nnlab_version

# A client gives up after some minutes.
_MAX_WAIT = 600
_MAX_ERROR = 2_000
# The exit code of a command that was stopped.
_STOPPED = 130
# SQL has no larger integers.
_MAX_OFFSET = 10**12
# The exit codes of `nnlab gate`: keep, discard, not yet.
_GATE_CODES = (0, 10, 11)

_INSTRUCTIONS = """\
nnlab stores training runs of neural networks and judges differences with proper statistics.
A better value of one run is not an improvement: seeds alone change it. Trust `differs` and `tier`
of `compare`, and decide about a change with `gate` (keep, discard, not yet), not by eye.
`diagnose` names faults such as overfitting; `explain` says what a code means and what to try.
"""

_READ = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_RUN = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)

_Names = Annotated[
    list[str], Field(default_factory=list, description="studies, or runs by number or name")
]
_Options = Annotated[
    dict[str, Option],
    Field(
        description='options of `nnlab train`, such as {"opt": "adam", "lr": 0.01}; a list is a'
        " grid, except in `gate`"
    ),
]
_Offset = Annotated[int, Field(ge=0, le=_MAX_OFFSET)]
_Wait = Annotated[float, Field(ge=0, le=_MAX_WAIT, description="seconds to wait for the end")]


def create_server(db: str | None = None, *, allow_run: bool = False) -> MCPServer:
    """The server of a database.

    Args:
        db: its path or URL; None for the default. It is opened for each call, so it may be created
            later, and a server that runs for days holds no connection.
        allow_run: whether there are tools that train and stop runs.
    """
    server = MCPServer(
        "nnlab", instructions=_INSTRUCTIONS, version=nnlab_version(), log_level="ERROR"
    )
    target = database_target(db)
    # An older database is not upgraded by a tool that only reads.
    _add_reading_tools(server, lambda: open_results(target, upgrade=False))
    if allow_run:
        _add_running_tools(server, target)
    return server


def _add_reading_tools(
    server: MCPServer, opened: Callable[[], AbstractContextManager[store.Database]]
) -> None:
    read = _tool_decorator(server, _READ)

    @read
    def studies(offset: _Offset = 0) -> str:
        """List studies with their question, objective and progress, newest first."""
        with opened() as db:
            return reading.list_studies(db, offset)

    @read
    def runs(
        study: str | None = None,
        status: str | None = None,
        tag: str | None = None,
        offset: _Offset = 0,
    ) -> str:
        """List runs, newest first: status, best value of the objective, codes of findings."""
        with opened() as db:
            return reading.list_runs(db, study, status, tag, offset)

    @read
    def compare(
        names: _Names,
        by: Annotated[str | None, Field(description="metric; by default the objective")] = None,
        at: Annotated[str, Field(description="best, last, or an epoch")] = "best",
        top: Annotated[int, Field(ge=1, le=reading.MAX_ROWS)] = 10,
    ) -> str:
        """Rank trials over their seeds. Trials in tier 1 may be as good as the best one."""
        with opened() as db:
            return reading.compare(db, names, by, at, top)

    @read
    def curves(
        run: Annotated[str, Field(description="number or name")],
        metrics: list[str] | None = None,
        points: Annotated[int, Field(ge=4, le=reading.MAX_POINTS)] = 40,
    ) -> str:
        """Curves of a run as [epoch, value], thinned so that extremes stay."""
        with opened() as db:
            return reading.read_curves(db, run, metrics, points)

    @read
    def diagnose(names: _Names) -> str:
        """Findings of runs: overfitting, learning rates, initialisation, data. Causes first."""
        with opened() as db:
            return reading.diagnose(db, names)

    @read
    def explain(
        code: Annotated[
            str | None, Field(description="such as NN101; by default all are listed")
        ] = None,
    ) -> str:
        """Explain a finding: what it detects, why it matters, what to try."""
        return reading.explain(code)


def _add_running_tools(server: MCPServer, target: str) -> None:
    run_tool = _tool_decorator(server, _RUN)
    runner = CommandRunner(target)

    @run_tool
    def train(study: str, options: _Options, wait_seconds: _Wait = 120.0) -> str:
        """Train a setting or a grid; returns the ranking of the study.

        Runs that exist are not trained again. If it takes longer than `wait_seconds`, training
        goes on: call this again with the same arguments to get the result, or `stop`.
        """
        words = ["train", f"--study={study}", *option_words(options)]
        state = runner.run(words, wait_seconds)
        answer = _command_values(state)
        if state.exit_code == 0:
            with open_results(target) as db:
                answer["ranking"] = json.loads(reading.compare(db, [study], None))
        return compact_json(answer)

    @run_tool
    def gate(
        study: str,
        options: _Options,
        against: Annotated[str, Field(description="best, a run (12) or a trial (lr=0.1)")] = "best",
        objective: str | None = None,
        max_seeds: Annotated[int, Field(ge=2, le=100)] = 10,
        min_effect: Annotated[float, Field(ge=0)] = 0.0,
        wait_seconds: _Wait = 300.0,
    ) -> str:
        """Decide whether a change helps: keep, discard or not yet.

        Trains the candidate beside the baseline on the same seeds, one pair at a time, and stops
        as soon as the evidence allows. The share of false keeps over all candidates of the study
        is controlled, so every change of a loop may be tried. `running`: call it again.
        """
        words = ["gate", f"--study={study}", f"--against={against}", "--format=json"]
        words += [f"--objective={objective}"] if objective else []
        words += [f"--max-seeds={max_seeds}", f"--min-effect={min_effect}"]
        state = runner.run([*words, *option_words(options)], wait_seconds)
        if state.exit_code in _GATE_CODES:
            return compact_json(json.loads(state.output))
        return compact_json(_command_values(state))

    @run_tool
    def stop(names: _Names) -> str:
        """Stop runs after their current epoch, with a checkpoint; `train` continues them."""
        if not names:
            raise UsageError("there is nothing to stop", hint="name studies or runs")
        with open_results(target, write=True) as db:
            result = store.request_stop(db, [run.id for run in select_runs(db, names).runs])
        return compact_json(
            {
                "stopping": list(result.ending),
                "held_back": list(result.waiting),
                "already_ended": list(result.already_ended),
            }
        )


def _shorten(text: str) -> str:
    """An error: messages name what is known, which may be hundreds of studies."""
    return text if len(text) <= _MAX_ERROR else f"{text[: _MAX_ERROR - 3]}..."


def _command_values(state: CommandState) -> dict[str, Any]:
    if state.exit_code is None:
        return {"state": "running", "next": "call this again with the same arguments"}
    if state.exit_code == 0:
        return {"state": "finished"}
    return {
        "state": "stopped" if state.exit_code == _STOPPED else "failed",
        "exit_code": state.exit_code,
        "errors": output_tail(state.errors) or output_tail(state.output),
    }


_Tool = Callable[..., str]


def _tool_decorator(server: MCPServer, annotations: ToolAnnotations) -> Callable[[_Tool], _Tool]:
    """Registers a function as a tool whose answer is its text; errors of nnlab are its answer."""

    def decorate(function: _Tool) -> _Tool:
        @functools.wraps(function)
        def call(*positional: Any, **named: Any) -> str:
            try:
                return function(*positional, **named)
            except NnlabError as error:
                hint = f" ({error.hint})" if error.hint else ""
                text = escape_terminal(mask_secrets(f"{error.message}{hint}"))
                raise ToolError(_shorten(text)) from error

        # Without a schema of the output the text is not sent a second time.
        server.tool(annotations=annotations, structured_output=False)(call)
        return call

    return decorate
