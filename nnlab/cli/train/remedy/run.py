"""What `nnlab remedy` does: proposes, trains beside a control, and judges."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from nnlab import store
from nnlab.analysis.ranking import plural
from nnlab.analysis.remedies import (
    CONTROL,
    Outcome,
    Tried,
    fewest_for,
    judge_remedies,
    most_for,
    plans_of,
    settings_of,
    typed_fields,
)
from nnlab.analysis.selection import one_run
from nnlab.cli.database_option import opened
from nnlab.cli.options import Format
from nnlab.cli.output.render import Column, note, print_json, render, say
from nnlab.cli.results.findings_table import print_findings
from nnlab.cli.train.train import execute
from nnlab.config import choosables, digest_of
from nnlab.config.space import shown
from nnlab.diagnose import diagnose, folded
from nnlab.diagnose.remedies import Remedy, remedies_for
from nnlab.errors import UsageError
from nnlab.io.command_line import quote_command
from nnlab.objective import Objective, Setting
from nnlab.records import Arm, Finding, Run, Study
from nnlab.stats import format_duration
from nnlab.workers.save_policy import Keeping, seconds_of

PROPOSED = (
    Column("remedy", "remedy", wrap=True),
    Column("for", "for", wrap=True, priority=1),
    Column("changes", "changes"),
    Column("runs", "runs", right=True, priority=2),
    Column("seconds", "about", format_duration, right=True, priority=2),
)
JUDGED = (
    Column("name", "remedy", wrap=True),
    Column("n", "n", right=True),
    Column("effect", "better by", lambda value: f"{value:+.3g}", right=True),
    Column("interval", "95 % interval", right=True),
    Column("p", "p", lambda value: f"{value:.2g}", right=True, priority=1),
    Column("outcome", "did it help", wrap=True),
    Column("gone", "the finding", wrap=True, priority=2),
)


def remedy(
    name: str, *, seeds: int, budget: str | None, dry_run: bool, how: Format, db: str | None
) -> None:
    """Proposes remedies for a run and, unless it is a dry run, tries and judges them.

    Raises:
        UsageError: no single run is meant, nothing is wrong with it, nothing can be changed, or
            so few seeds could prove nothing.
    """
    with opened(db, write=not dry_run) as database:
        run = one_run(store.find_runs(database, [name]), name)
        setting = run.trial.setting
        findings = diagnose(store.history(database, run.id), setting)
        if not findings:
            raise UsageError(f"run {run.id} has no findings: there is nothing to mend")
        proposed = remedies_for(findings, setting)
        settings = settings_of(setting, proposed)
        if len(settings) == 1:
            told = ", ".join(f"{f.code} {f.name}" for f in findings)
            raise UsageError(
                f"nothing in the setting of run {run.id} would mend {told}",
                hint=f"{quote_command('nnlab', 'explain', findings[0].code)} says what to look at",
            )
        settings = _within(settings, budget, seeds, _seconds(run))
        rows = [
            _proposal(one, run, settings[one.name], seeds)
            for one in proposed
            if one.name in settings
        ]
        too_few = _too_few_seeds(name, seeds, len(settings) - 1)
        if dry_run:
            _print_plan(run, findings, rows, seeds, how)
            if too_few is not None:
                note(f"{too_few.message}; try {too_few.hint}")
            return
        if too_few is not None:
            raise too_few
        if how is Format.TABLE:
            print_findings(findings[:1])
            render(rows, PROPOSED, how)
        code = folded(findings)[0].finding.code
        study = _train(database, run, settings, range(seeds), quiet=how is not Format.TABLE)
        objective = Objective.parse(str(setting["objective"]))
        tried = judge_remedies(database, study, objective, code)
        _tell(run, study, objective, code, tried, how)


def _too_few_seeds(name: str, seeds: int, remedies: int) -> UsageError | None:
    """The error where no result with so many seeds could prove a remedy, else None."""
    least = fewest_for(remedies)
    if seeds >= least:
        return None
    more = quote_command("nnlab", "remedy", name, "--seeds", least)
    provable = most_for(seeds)
    fewer = quote_command(
        "nnlab", "remedy", name, "--seeds", seeds, "--budget", seeds * (provable + 1)
    )
    first = "only the first remedy" if provable == 1 else f"only the first {provable} remedies"
    return UsageError(
        f"{seeds} seeds cannot prove that one of {remedies} remedies helps: the exact sign-flip"
        f" test, corrected for {remedies} remedies, needs at least {least} seeds",
        hint=f"{more}; or {fewer}, which trains {first}",
    )


def _within(
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
        allowed = seconds_of(budget)
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


def _proposal(remedy: Remedy, run: Run, setting: Setting, seeds: int) -> dict[str, Any]:
    epochs = float(str(setting["epochs"])) / max(run.epochs_planned, 1)
    return {
        "remedy": remedy.name,
        "for": remedy.because,
        "changes": _flags({name: setting.get(name) for name in remedy.changes}),
        "runs": seeds,
        "seconds": seeds * _seconds(run) * epochs,
    }


def _seconds(run: Run) -> float:
    """What a run like this takes, from the start to the last epoch planned."""
    spent = run.wall_seconds or run.device_seconds or 1.0
    return spent * run.epochs_planned / max(run.epochs, 1)


def _flags(changes: Mapping[str, Any]) -> str:
    return " ".join(f"{choosables()[name].flag} {shown(value)}" for name, value in changes.items())


def _print_plan(
    run: Run,
    findings: Sequence[Finding],
    rows: Sequence[Mapping[str, Any]],
    seeds: int,
    how: Format,
) -> None:
    if how is not Format.TABLE:
        render(rows, PROPOSED, how)
        return
    print_findings(findings)
    render(rows, PROPOSED, how)
    total = seeds * _seconds(run) + sum(row["seconds"] for row in rows)
    say(
        f"with the control {plural(seeds * (len(rows) + 1), 'run')}, about"
        f" {format_duration(total)} one after another; runs that can be trained together take less",
        style="dim",
    )


def _train(
    db: store.Database,
    run: Run,
    settings: Mapping[str, Setting],
    seeds: Sequence[int],
    *,
    quiet: bool,
) -> Study:
    """Trains the control and the remedies on the same seeds; what is there is not trained again."""
    arms = [Arm(name, (digest_of(setting),)) for name, setting in settings.items()]
    study = _study_of(db, run, arms)
    queued = store.enqueue(db, study, plans_of(settings.values(), seeds))
    execute.train_missing(
        db,
        queued.run_ids,
        execute.Show(quiet=quiet, verbose=False),
        execute.How(keeping=Keeping(models=False)),
    )
    return study


def _study_of(db: store.Database, run: Run, arms: Sequence[Arm]) -> Study:
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


def _tell(
    run: Run,
    study: Study,
    objective: Objective,
    code: str,
    tried: Sequence[Tried],
    how: Format,
) -> None:
    rows = [_row(one, code) for one in tried]
    if how is Format.JSON:
        remedies = [asdict(one) for one in tried]
        print_json({"run": run.id, "study": study.name, "finding": code, "remedies": remedies})
        return
    render(rows, JUDGED, how)
    if how is not Format.TABLE:
        return
    say(
        f"{objective.metric} at the selected epoch against the {CONTROL}, paired by seed; exact"
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
        if one.outcome is Outcome.CANNOT_TELL and one.needed and one.needed > one.n:
            say(f"{one.name}: about {one.needed} seeds would tell", style="dim")
    best = next((one for one in tried if one.outcome is Outcome.HELPED), None)
    if best is None:
        say("no remedy is proved to help", style="bold")
        least = fewest_for(len(tried))
        if tried and max(one.n for one in tried) < least:
            say(f"no result with fewer than {least} seeds could prove one of {len(tried)} remedies")
    else:
        say(f"{best.name} helped most: {_command(best.setting)}", style="bold")
    figure = quote_command("nnlab", "plot", "remedy", study.name, "-o", "remedies.pdf")
    say(f"next: {figure}", style="dim")


def _row(one: Tried, code: str) -> dict[str, Any]:
    return {
        "name": one.name,
        "n": one.n,
        "effect": one.effect,
        "interval": f"{one.low:+.3g} to {one.high:+.3g}",
        "p": one.p,
        "outcome": str(one.outcome),
        "gone": f"{code} in {one.still} of {one.n}, was in {one.control}",
    }


def _command(setting: Setting) -> str:
    """The line that trains a setting, without what follows by itself."""
    words = ["nnlab", "train"]
    for name in typed_fields(setting):
        choosable = choosables()[name]
        words.append(choosable.flag)
        if not choosable.option.flag:
            words.append(shown(setting[name]))
    return quote_command(*words)
