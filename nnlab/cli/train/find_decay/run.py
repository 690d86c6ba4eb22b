"""Executes `nnlab find-decay`: prints, draws and, with --try, trains suggested decays."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnlab import store
from nnlab.analysis.find_decay import DecaySuggestion, find_decay
from nnlab.analysis.selection import single_run
from nnlab.cli.open_database import open_db
from nnlab.cli.output.figure_files import check_figure_paths, write_figure
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, print_json, render, say
from nnlab.cli.train.train import present
from nnlab.cli.train.train.execute import OutputOptions, execute_queued
from nnlab.errors import UsageError
from nnlab.figures import prepare_figure
from nnlab.figures.provenance import FigureRequest
from nnlab.io.command_line import quote_command
from nnlab.objective import Scalar
from nnlab.records import Run
from nnlab.stats.claims import Verdict
from nnlab.study.decay_study import (
    DecayComparison,
    compare_decays,
    decay_objective,
    queue_decays,
)
from nnlab.workers.executor import ExecutionOptions
from nnlab.workers.save_policy import SavePolicy

PROPOSAL_COLUMNS = (
    TableColumn("decay", "decay"),
    TableColumn("options", "options"),
    TableColumn("why", "why", wrap=True),
)
RESULT_COLUMNS = (
    TableColumn("decay", "decay"),
    TableColumn("n", "n", align_right=True),
    TableColumn("mean", "mean", lambda value: f"{value:.4g}", align_right=True, priority=2),
    TableColumn("change", "against no decay", lambda value: f"{value:+.3g}", align_right=True),
    TableColumn("interval", "95 % interval", priority=1),
    TableColumn("helped", "did it help", wrap=True),
)


def run_find_decay(
    name: str,
    *,
    try_them: bool,
    seeds: int,
    output: Sequence[Path],
    page: Mapping[str, Any],
    force: bool,
    output_format: Format,
    db: str | None,
) -> None:
    """Prints, draws and, if requested, trains the decays that the history of a run suggests.

    Args:
        name: the number or the name of the run.
        try_them: whether the suggested decays are trained.
        seeds: the number of seeds to train with.
        output: files of the figure.
        page: options of the paper of the figure.
        force: whether files that nnlab did not write are replaced.
        output_format: how the suggestions are printed.
        db: path or URL of the database; None for the default.

    Raises:
        UsageError: the name means no single run, or nothing can be suggested for it.
    """
    check_figure_paths(output, page, force=force)
    if try_them and output_format is not Format.TABLE:
        raise UsageError(
            "--try prints the progress of the training, and takes no --format",
            hint="nnlab compare find-decay/RUN --format json afterwards",
        )
    with open_db(db, write=try_them) as database:
        run = single_run(store.find_runs(database, [name]), name)
        store.check_trained_by_nnlab(run, "suggest a decay of its learning rate")
        history = store.history(database, run.id)
        suggestion = find_decay(history, run.trial.setting)
        _print_suggestion(run, suggestion, output_format)
        if output:
            request = FigureRequest("find-decay", (name,), {}, page)
            figure = prepare_figure(database, request.kind, request.words, {})
            write_figure(database, request, figure, output)
        if try_them and suggestion.proposals:
            _train_proposals(database, run, suggestion, range(seeds))
        elif suggestion.proposals and output_format is Format.TABLE:
            say(f"next: {quote_command('nnlab', 'find-decay', name, '--try')}", style="dim")


def _print_suggestion(run: Run, suggestion: DecaySuggestion, output_format: Format) -> None:
    rows = [
        {
            "decay": proposal.name,
            "options": _option_text(proposal.options),
            "why": proposal.why,
        }
        for proposal in suggestion.proposals
    ]
    if output_format is Format.JSON:
        print_json(
            {
                "run": run.id,
                "epoch": suggestion.epoch,
                "why": suggestion.why,
                "proposals": rows,
            }
        )
        return
    if output_format is Format.TABLE:
        say(f"run {run.id}: {suggestion.why}")
    if rows:
        render(rows, PROPOSAL_COLUMNS, output_format)


def _option_text(options: Mapping[str, Scalar]) -> str:
    return " ".join(f"--{key.replace('_', '-')} {value}" for key, value in options.items())


def _train_proposals(
    db: store.Database, run: Run, suggestion: DecaySuggestion, seeds: Sequence[int]
) -> None:
    """Trains the run's setting and the suggested decays, and prints a comparison.

    Raises:
        NnlabError: a run failed.
        Interrupted: the user stopped it.
    """
    queued = queue_decays(db, run, suggestion, seeds)
    result = execute_queued(
        db,
        queued,
        OutputOptions(quiet=False, verbose=False),
        ExecutionOptions(save_policy=SavePolicy(models=False), allow_diverged=True),
        wait=False,
    )
    present.print_result(db, result, quiet=False)
    comparisons = compare_decays(db, run, suggestion, result.run_ids)
    say(f"{decay_objective(run).metric} at the selected epoch, paired by seed:")
    render([_comparison_cells(row) for row in comparisons], RESULT_COLUMNS, Format.TABLE)
    curves = quote_command("nnlab", "plot", "curves", queued.study.name, "-o", "decays.pdf")
    say(f"next: {curves}", style="dim")


def _comparison_cells(comparison: DecayComparison) -> dict[str, object]:
    return {
        "decay": comparison.decay,
        "n": comparison.n,
        "mean": comparison.mean,
        "change": comparison.change,
        "interval": f"{comparison.low:+.3g} to {comparison.high:+.3g}",
        "helped": _verdict_text(comparison),
    }


def _verdict_text(comparison: DecayComparison) -> str:
    match comparison.verdict:
        case None:
            return "the control"
        case Verdict.SUPPORTED:
            return "yes"
        case Verdict.NOT_SUPPORTED:
            return "no, it hurt"
        case _:
            return f"cannot tell with {comparison.n} seeds"
