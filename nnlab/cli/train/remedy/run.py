"""Executes `nnlab remedy`: prints the remedies of a run, trains them, and prints their results."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import typer

from nnlab.analysis.remedy_numbers import (
    best_epoch_numbers,
    common_measure,
    measure_sentence,
    remedy_numbers,
    remedy_titles,
)
from nnlab.analysis.remedy_results import RemedyOutcome, RemedyResult
from nnlab.cli.open_database import open_db
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, note, print_json, render, say
from nnlab.cli.results.findings import print_findings
from nnlab.cli.train.train.execute import OutputOptions, execute_queued
from nnlab.io.command_line import quote_command
from nnlab.io.text import format_count, join_names
from nnlab.objective import Setting
from nnlab.records import Study
from nnlab.stats import format_duration
from nnlab.stats.rounding import format_p
from nnlab.study.remedy_plan import RemedyPlan
from nnlab.study.remedy_study import (
    judge_remedies,
    option_text,
    plan_remedies,
    queue_remedies,
    setting_command,
)
from nnlab.workers.executor import ExecutionOptions
from nnlab.workers.save_policy import SavePolicy

PROPOSAL_COLUMNS = (
    TableColumn("remedy", "remedy", wrap=True),
    TableColumn("for", "for", wrap=True, priority=1),
    TableColumn("changes", "changes"),
    TableColumn("runs", "runs", align_right=True, priority=2),
    TableColumn("seconds", "about", format_duration, align_right=True, priority=2),
)
RESULT_COLUMNS = (
    TableColumn("name", "remedy", wrap=True),
    TableColumn("n", "n", align_right=True),
    TableColumn("effect", "better by", align_right=True),
    TableColumn("interval", "95 % interval", align_right=True),
    TableColumn("p", "p", format_p, align_right=True, priority=1),
    TableColumn("outcome", "did it help", wrap=True),
    TableColumn("best", "best epoch", align_right=True, priority=1),
    TableColumn("gone", "the finding", wrap=True, priority=2),
)


def run_remedy(
    name: str,
    *,
    seeds: int,
    budget: str | None,
    flags: Sequence[str],
    only_print: bool,
    output_format: Format,
    db: str | None,
) -> None:
    """Prints the remedies of a run and, unless `only_print`, trains and judges them.

    Args:
        name: the number or the name of the run.
        seeds: the number of seeds of each remedy.
        budget: at most so many runs (`40`) or so much time (`10min`); None for no limit.
        flags: flags of a script by the quantity that they set, as `dropout=--drop-rate`.
        only_print: whether nothing is trained.
        output_format: how remedies and results are printed.
        db: path or URL of the database; None for the default.

    Raises:
        UsageError: the name means no single run, the run has no findings, or nothing can be
            changed.
    """
    is_table = output_format is Format.TABLE
    with open_db(db, write=not only_print) as database:
        plan = plan_remedies(database, name, seeds, budget, flags)
        for line in plan.notes:
            note(line)
        if only_print:
            _print_plan(plan, output_format)
            return
        if is_table:
            print_findings(plan.findings, axis=plan.run.axis)
            render(_candidate_rows(plan), PROPOSAL_COLUMNS, output_format)
        queued = queue_remedies(database, plan)
        # Runs that fail are judged like the others: the error of the result is not raised.
        execute_queued(
            database,
            queued,
            OutputOptions(quiet=not is_table, verbose=False, is_data=not is_table),
            ExecutionOptions(save_policy=SavePolicy(models=False)),
            wait=False,
        )
        results = judge_remedies(database, queued.study, plan)
        _note_missing_results(plan, queued.study, results)
        _print_results(plan, queued.study, results, output_format)


def _note_missing_results(plan: RemedyPlan, study: Study, results: Sequence[RemedyResult]) -> None:
    """Notes the remedies without a result: their runs, or those of the control, have failed."""
    judged = {result.name for result in results}
    missing = [c.remedy.name for c in plan.candidates if c.remedy.name not in judged]
    if missing:
        note(
            f"no result for {join_names(missing)}: fewer than two seeds have ended with it and with"
            f" the control; {quote_command('nnlab', 'ls', study.name)} shows their runs"
        )


def _candidate_rows(plan: RemedyPlan) -> list[dict[str, Any]]:
    return [
        {
            "remedy": candidate.remedy.name,
            "for": candidate.remedy.finding_code,
            "changes": option_text(
                plan, {name: candidate.setting.get(name) for name in candidate.remedy.changes}
            ),
            "runs": plan.seeds,
            "seconds": candidate.seconds,
        }
        for candidate in plan.candidates
    ]


def _print_plan(plan: RemedyPlan, output_format: Format) -> None:
    rows = _candidate_rows(plan)
    if output_format is not Format.TABLE:
        render(rows, PROPOSAL_COLUMNS, output_format)
        return
    print_findings(plan.findings, axis=plan.run.axis)
    render(rows, PROPOSAL_COLUMNS, output_format)
    seconds = plan.control_seconds + sum(candidate.seconds for candidate in plan.candidates)
    runs = format_count(plan.seeds * (len(rows) + 1), "run")
    text = f"with the control {runs}, about {format_duration(seconds)} one after another"
    if not plan.run.origin.is_external:
        text += "; runs that can be trained together take less"
    say(text, style="dim")


def _print_results(
    plan: RemedyPlan, study: Study, results: Sequence[RemedyResult], output_format: Format
) -> None:
    code = plan.finding_code
    if output_format is Format.JSON:
        print_json(
            {
                "run": plan.run.id,
                "study": study.name,
                "finding": code,
                "judged_by": common_measure(results),
                "remedies": [asdict(result) for result in results],
            }
        )
        return
    numbers = remedy_numbers(results)
    effects = {result.effect: text for result, (text, _) in zip(results, numbers, strict=True)}
    columns = [
        replace(column, text=effects.__getitem__) if column.key == "effect" else column
        for column in RESULT_COLUMNS
        # The same as the effect if all are judged by the objective at the best epoch.
        if column.key != "best" or any(_differs_from_best(plan, result) for result in results)
    ]
    rows = [
        _result_cells(result, title, code, interval, at_best)
        for result, title, (_, interval), at_best in zip(
            results, remedy_titles(results), numbers, best_epoch_numbers(results), strict=True
        )
    ]
    render(rows, columns, output_format)
    if output_format is Format.TABLE:
        _print_conclusion(plan, study, results)


def _differs_from_best(plan: RemedyPlan, result: RemedyResult) -> bool:
    """Whether a remedy is judged by something else than the objective at the best epoch."""
    return (result.metric, result.at) != (plan.objective.metric, "best")


def _print_conclusion(plan: RemedyPlan, study: Study, results: Sequence[RemedyResult]) -> None:
    """Prints how the results were tested, which remedy is best, and commands to continue with."""
    if results:
        say(f"better by: {measure_sentence(plan.finding_code, results)}", style="dim")
        if any(_differs_from_best(plan, result) for result in results):
            say(
                f"best epoch: improvement of {plan.objective.metric} at the best epoch of each run",
                style="dim",
            )
    for result in results:
        _print_notes(plan, result)
    best = next((result for result in results if result.outcome is RemedyOutcome.HELPED), None)
    if best is None:
        say("no remedy is proved to help", style="bold")
    else:
        command = _command_text(plan, study, best.setting)
        say(f"{best.name} helped most: {command}", style="bold")
    figure = quote_command("nnlab", "plot", "remedy", study.name, "-o", "remedies.pdf")
    say(f"next: {figure}", style="dim")


def _print_notes(plan: RemedyPlan, result: RemedyResult) -> None:
    """Prints what the row of a remedy does not say."""
    if result.is_worse_at_end:
        say(
            f"{result.name}: {plan.objective.metric} at the last epoch is worse, so a better"
            f" {result.metric} is no help",
            style="dim",
        )
    if result.diverged:
        say(
            f"{result.name}: {format_count(result.diverged, 'run')} diverged, with the worst value"
            " of all runs",
            style="dim",
        )
    is_open = result.outcome is RemedyOutcome.CANNOT_TELL
    if is_open and result.needed and result.needed > result.n:
        say(f"{result.name}: about {result.needed} seeds would be enough", style="dim")


def _command_text(plan: RemedyPlan, study: Study, setting: Setting) -> str:
    """The command line that executes a setting."""
    if plan.script is None:
        return setting_command(plan, study, setting)
    # Imported only here: other runs do not need the options of `nnlab run`.
    from nnlab.cli.train.script_run.command import app

    options = typer.main.get_command(app).params
    return setting_command(
        plan, study, setting, {name for option in options for name in option.opts}
    )


def _result_cells(
    result: RemedyResult, title: str, code: str, interval: str, at_best: str
) -> dict[str, Any]:
    return {
        "name": title,
        "n": result.n,
        "effect": result.effect,
        "interval": interval,
        "p": result.p,
        "outcome": str(result.outcome),
        "best": at_best,
        "gone": f"{code} in {result.still} of {result.n}, was in {result.control}",
    }
