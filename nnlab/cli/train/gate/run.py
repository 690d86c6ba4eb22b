"""Executes `nnlab gate`: the candidate, its test, the verdict and the exit code."""

from dataclasses import dataclass, replace
from pathlib import Path

import typer

from nnlab import store
from nnlab.cli.open_database import open_db
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import note
from nnlab.cli.train.gate import present
from nnlab.cli.train.train.execute import OutputOptions, execute_queued
from nnlab.errors import ConfigError, NoDatabase, UsageError
from nnlab.study.database import open_results
from nnlab.study.execution import ExecutionResult
from nnlab.study.execution_options import check_execution_options, check_script_execution
from nnlab.study.gate import GateOptions, plan_gate, run_gate
from nnlab.study.gate_candidate import (
    GateCandidate,
    candidate_of_request,
    candidate_of_script,
)
from nnlab.study.gate_training import GateInterface
from nnlab.study.gate_values import EXIT_CODES
from nnlab.study.queue import QueuedRuns
from nnlab.study.request import TrainRequest, merge_config_file
from nnlab.study.script_request import ScriptRequest
from nnlab.workers.cluster_options import Launcher
from nnlab.workers.executor import ExecutionOptions


@dataclass(frozen=True, slots=True)
class GateRun:
    """How `nnlab gate` handles a request.

    Attributes:
        options: how the candidate is tested.
        execution: what executes the runs, and what is stored of them.
        output: how much is printed while runs train.
        output_format: how the verdict is printed.
        dry_run: whether nothing is executed or written.
        db: path or URL of the database; None for the default.
    """

    options: GateOptions
    execution: ExecutionOptions
    output: OutputOptions
    output_format: Format
    dry_run: bool
    db: str | None


def check_gate_settings(seed: str | None, launcher: object) -> None:
    """Checks options of `nnlab train` that a gate decides itself.

    Raises:
        UsageError: seeds are listed, or the launcher does not wait for the runs.
    """
    if seed is not None:
        raise UsageError(
            "a gate chooses the seeds: as few of 0, 1, 2, ... as the evidence needs",
            hint="--max-seeds N limits them",
        )
    if launcher is Launcher.SLURM:
        raise UsageError(
            "a gate waits for each pair of runs, and --launcher slurm only submits a job",
            hint="nnlab gate in a job of its own, or --launcher ray",
        )


def run_gate_command(
    request: TrainRequest | ScriptRequest, config: Path | None, options: GateRun
) -> None:
    """Tests a candidate and prints the verdict; ends with the exit code of the verdict.

    Raises:
        NnlabError: a setting is not valid, the database cannot be used, or a run of the baseline
            failed.
        typer.Exit: the verdict has an exit code other than 0.
    """
    candidate = _read_candidate(request, config, options)
    for text in candidate.notes:
        note(text)
    if options.dry_run:
        _print_plan(candidate, options)
        return
    is_quiet = options.output.quiet
    with open_db(options.db, write=True, create=True) as database:
        interface = GateInterface(
            train=lambda db, queued: _train(db, queued, options),
            report_pair=lambda pair, entry: None if is_quiet else present.print_pair(pair, entry),
            report=lambda text: None if is_quiet else note(text),
        )
        answer = run_gate(database, candidate, options.options, interface)
        present.print_answer(database, answer, options.output_format)
    code = EXIT_CODES[answer.entry.verdict or "not yet"]
    if code:
        raise typer.Exit(code)


def _read_candidate(
    request: TrainRequest | ScriptRequest, config: Path | None, options: GateRun
) -> GateCandidate:
    if isinstance(request, ScriptRequest):
        if config is not None:
            raise ConfigError(["--config has settings of nnlab, not flags of a script"])
        candidate = candidate_of_script(request, options.db)
        log_folder = candidate.script.log_folder if candidate.script is not None else None
        check_script_execution(
            options.execution, processes=request.processes, log_folder=log_folder
        )
        return candidate
    merged = merge_config_file(config, request)
    check_execution_options(merged, options.execution)
    return candidate_of_request(replace(merged, seed=None, seeds=None), options.db)


def _train(db: store.Database, queued: QueuedRuns, options: GateRun) -> ExecutionResult:
    return execute_queued(db, queued, options.output, options.execution)


def _print_plan(candidate: GateCandidate, options: GateRun) -> None:
    """Prints what would be compared; creates no database and writes to none."""
    try:
        with open_results(options.db) as database:
            plan = plan_gate(database, candidate, options.options)
    except NoDatabase:
        plan = None
    present.print_plan(plan, candidate, options.options, options.output_format)
