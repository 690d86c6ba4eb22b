"""What `nnlab remedy` does: proposes, trains beside a control, and judges."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from nnlab import store
from nnlab.analysis.remedies import (
    CONTROL_ARM,
    RemedyOutcome,
    RemedyResult,
    evaluate_remedies,
    max_remedies_for,
    min_seeds_for,
    minimal_fields,
    remedy_run_specs,
    remedy_settings,
)
from nnlab.analysis.selection import single_run
from nnlab.cli.open_database import open_db
from nnlab.cli.options import Format
from nnlab.cli.output.render import TableColumn, note, print_json, render, say
from nnlab.cli.results.findings_table import print_findings
from nnlab.cli.train.train import execute
from nnlab.config import digest_of, setting_fields
from nnlab.config.space import format_value
from nnlab.diagnose import diagnose, group_symptoms
from nnlab.diagnose.remedies import Remedy, remedies_for
from nnlab.errors import UsageError
from nnlab.io.command_line import quote_command
from nnlab.io.text import format_count
from nnlab.objective import Objective, Setting
from nnlab.records import Arm, Finding, Run, Study
from nnlab.stats import format_duration
from nnlab.workers.save_policy import SavePolicy, parse_duration

PROPOSAL_COLUMNS = (
    TableColumn("remedy", "remedy", wrap=True),
    TableColumn("for", "for", wrap=True, priority=1),
    TableColumn("changes", "changes"),
    TableColumn("runs", "runs", right=True, priority=2),
    TableColumn("seconds", "about", format_duration, right=True, priority=2),
)
RESULT_COLUMNS = (
    TableColumn("name", "remedy", wrap=True),
    TableColumn("n", "n", right=True),
    TableColumn("effect", "better by", lambda value: f"{value:+.3g}", right=True),
    TableColumn("interval", "95 % interval", right=True),
    TableColumn("p", "p", lambda value: f"{value:.2g}", right=True, priority=1),
    TableColumn("outcome", "did it help", wrap=True),
    TableColumn("gone", "the finding", wrap=True, priority=2),
)


def remedy(
    name: str, *, seeds: int, budget: str | None, dry_run: bool, how: Format, db: str | None
) -> None:
    """Proposes remedies for a run and, unless it is a dry run, tries and judges them.

    Raises:
        UsageError: no single run is meant, nothing is wrong with it, nothing can be changed, or
            so few seeds could prove nothing.
    """
    with open_db(db, write=not dry_run) as database:
        run = single_run(store.find_runs(database, [name]), name)
        setting = run.trial.setting
        findings = diagnose(store.history(database, run.id), setting)
        if not findings:
            raise UsageError(f"run {run.id} has no findings: there is nothing to mend")
        proposed = remedies_for(findings, setting)
        settings = remedy_settings(setting, proposed)
        if len(settings) == 1:
            told = ", ".join(f"{f.code} {f.name}" for f in findings)
            raise UsageError(
                f"nothing in the setting of run {run.id} would mend {told}",
                hint=f"{quote_command('nnlab', 'explain', findings[0].code)} says what to look at",
            )
        settings = _limit_to_budget(settings, budget, seeds, _estimated_seconds(run))
        rows = [
            _proposal_cells(one, run, settings[one.name], seeds)
            for one in proposed
            if one.name in settings
        ]
        too_few = _seed_count_error(name, seeds, len(settings) - 1)
        if dry_run:
            _print_proposals(run, findings, rows, seeds, how)
            if too_few is not None:
                note(f"{too_few.message}; try {too_few.hint}")
            return
        if too_few is not None:
            raise too_few
        if how is Format.TABLE:
            print_findings(findings[:1])
            render(rows, PROPOSAL_COLUMNS, how)
        code = group_symptoms(findings)[0].finding.code
        study = _train_remedies(
            database, run, settings, range(seeds), quiet=how is not Format.TABLE
        )
        objective = Objective.parse(str(setting["objective"]))
        tried = evaluate_remedies(database, study, objective, code)
        _print_results(run, study, objective, code, tried, how)


def _seed_count_error(name: str, seeds: int, remedies: int) -> UsageError | None:
    """The error where no result with so many seeds could prove a remedy, else None."""
    least = min_seeds_for(remedies)
    if seeds >= least:
        return None
    more = quote_command("nnlab", "remedy", name, "--seeds", least)
    provable = max_remedies_for(seeds)
    fewer = quote_command(
        "nnlab", "remedy", name, "--seeds", seeds, "--budget", seeds * (provable + 1)
    )
    first = "only the first remedy" if provable == 1 else f"only the first {provable} remedies"
    return UsageError(
        f"{seeds} seeds cannot prove that one of {remedies} remedies helps: the exact sign-flip"
        f" test, corrected for {remedies} remedies, needs at least {least} seeds",
        hint=f"{more}; or {fewer}, which trains {first}",
    )


def _limit_to_budget(
    settings: Mapping[str, Setting], budget: str | None, seeds: int, seconds: float
) -> dict[str, Setting]:
    """As many of the settings as a budget allows, the control and one remedy at least.

    Raises:
        UsageError: the budget is neither a number of runs nor a time, or too small.
    """
    if budget is None:
        return dict(settings)
    if budget.isdecimal():
        most = int(budget) // seeds
    else:
        allowed = parse_duration(budget)
        if allowed is None:
            raise UsageError(f"--budget is a number of runs or a time as 10min, got {budget}")
        most = int(allowed / max(seconds * seeds, 1e-9))
    if most < 2:
        raise UsageError(
            f"--budget {budget} does not allow {2 * seeds} runs: the control and one remedy,"
            f" {seeds} seeds each",
            hint="a larger budget, or fewer --seeds (five at least, for one remedy)",
        )
    return dict(list(settings.items())[:most])


def _proposal_cells(remedy: Remedy, run: Run, setting: Setting, seeds: int) -> dict[str, Any]:
    epochs = float(str(setting["epochs"])) / max(run.epochs_planned, 1)
    return {
        "remedy": remedy.name,
        "for": remedy.finding_code,
        "changes": _option_text({name: setting.get(name) for name in remedy.changes}),
        "runs": seeds,
        "seconds": seeds * _estimated_seconds(run) * epochs,
    }


def _estimated_seconds(run: Run) -> float:
    """What a run like this takes, from the start to the last epoch planned."""
    spent = run.wall_seconds or run.device_seconds or 1.0
    return spent * run.epochs_planned / max(run.epochs, 1)


def _option_text(changes: Mapping[str, Any]) -> str:
    return " ".join(
        f"{setting_fields()[name].flag} {format_value(value)}" for name, value in changes.items()
    )


def _print_proposals(
    run: Run,
    findings: Sequence[Finding],
    rows: Sequence[Mapping[str, Any]],
    seeds: int,
    how: Format,
) -> None:
    if how is not Format.TABLE:
        render(rows, PROPOSAL_COLUMNS, how)
        return
    print_findings(findings)
    render(rows, PROPOSAL_COLUMNS, how)
    total = seeds * _estimated_seconds(run) + sum(row["seconds"] for row in rows)
    say(
        f"with the control {format_count(seeds * (len(rows) + 1), 'run')}, about"
        f" {format_duration(total)} one after another; runs that can be trained together take less",
        style="dim",
    )


def _train_remedies(
    db: store.Database,
    run: Run,
    settings: Mapping[str, Setting],
    seeds: Sequence[int],
    *,
    quiet: bool,
) -> Study:
    """Trains the control and the remedies on the same seeds; what is there is not trained again."""
    arms = [Arm(name, (digest_of(setting),)) for name, setting in settings.items()]
    study = _remedy_study(db, run, arms)
    queued = store.enqueue(db, study, remedy_run_specs(settings.values(), seeds))
    execute.train_missing(
        db,
        queued.run_ids,
        execute.OutputOptions(quiet=quiet, verbose=False),
        execute.ExecutionOptions(keeping=SavePolicy(models=False)),
    )
    return study


def _remedy_study(db: store.Database, run: Run, arms: Sequence[Arm]) -> Study:
    """The study of this run's remedies; with other remedies it is another study."""
    known = {study.name: study for study in store.all_studies(db)}
    own = run.name or run.id
    number, name = 1, f"remedy/{own}"
    while name in known and known[name].arms != tuple(arms):
        number += 1
        name = f"remedy/{own}-{number}"
    return store.create_study(
        db,
        name=name,
        question=f"What mends run {run.id}?",
        objective=Objective.parse(str(run.trial.setting["objective"])),
        space=None,
        seeds=(),
        arms=arms,
    )


def _print_results(
    run: Run,
    study: Study,
    objective: Objective,
    code: str,
    tried: Sequence[RemedyResult],
    how: Format,
) -> None:
    rows = [_result_cells(one, code) for one in tried]
    if how is Format.JSON:
        remedies = [asdict(one) for one in tried]
        print_json({"run": run.id, "study": study.name, "finding": code, "remedies": remedies})
        return
    render(rows, RESULT_COLUMNS, how)
    if how is not Format.TABLE:
        return
    say(
        f"{objective.metric} at the selected epoch against the {CONTROL_ARM}, paired by seed; exact"
        " sign-flip test, Holm over the remedies",
        style="dim",
    )
    for one in tried:
        if one.at == "last":
            say(
                f"{one.name}: at the last epoch of each run, for it changes nothing before it ends"
                " a run",
                style="dim",
            )
    for one in tried:
        if one.outcome is RemedyOutcome.CANNOT_TELL and one.needed and one.needed > one.n:
            say(f"{one.name}: about {one.needed} seeds would tell", style="dim")
    best = next((one for one in tried if one.outcome is RemedyOutcome.HELPED), None)
    if best is None:
        say("no remedy is proved to help", style="bold")
        least = min_seeds_for(len(tried))
        if tried and max(one.n for one in tried) < least:
            say(f"no result with fewer than {least} seeds could prove one of {len(tried)} remedies")
    else:
        say(f"{best.name} helped most: {_train_command(best.setting)}", style="bold")
    figure = quote_command("nnlab", "plot", "remedy", study.name, "-o", "remedies.pdf")
    say(f"next: {figure}", style="dim")


def _result_cells(one: RemedyResult, code: str) -> dict[str, Any]:
    return {
        "name": one.name,
        "n": one.n,
        "effect": one.effect,
        "interval": f"{one.low:+.3g} to {one.high:+.3g}",
        "p": one.p,
        "outcome": str(one.outcome),
        "gone": f"{code} in {one.still} of {one.n}, was in {one.control}",
    }


def _train_command(setting: Setting) -> str:
    """The line that trains a setting, without what follows by itself."""
    words = ["nnlab", "train"]
    for name in minimal_fields(setting):
        choosable = setting_fields()[name]
        words.append(choosable.flag)
        if not choosable.option.flag:
            words.append(format_value(setting[name]))
    return quote_command(*words)
