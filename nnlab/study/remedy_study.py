"""Studies that train the remedies of a run next to a control, for `nnlab remedy`."""

from collections.abc import Collection, Mapping, Sequence

from nnlab import store
from nnlab.analysis.remedies import (
    CONTROL_ARM,
    minimal_fields,
    remedy_run_specs,
    remedy_settings,
)
from nnlab.analysis.remedy_results import MIN_SEEDS, RemedyResult, evaluate_remedies
from nnlab.analysis.remedy_studies import remedy_question
from nnlab.analysis.selection import single_run
from nnlab.diagnosis import diagnose
from nnlab.diagnosis.remedies import remedies_for
from nnlab.errors import UsageError
from nnlab.io.command_line import quote_command
from nnlab.io.text import join_names
from nnlab.objective import Objective, Scalar, Setting
from nnlab.records import Arm, Origin, Run, Study
from nnlab.settings import digest_of, parse_duration, setting_field
from nnlab.settings.setting_differences import format_value
from nnlab.study.model_arguments import model_arguments
from nnlab.study.queue import QueuedRuns
from nnlab.study.remedy_plan import RemedyCandidate, RemedyPlan, RemedyProposal
from nnlab.study.script_remedies import flag_text, propose_script_remedies, script_command


def plan_remedies(
    db: store.Database, name: str, seeds: int, budget: str | None, flags: Sequence[str] = ()
) -> RemedyPlan:
    """The remedies to try for the findings of a run; nothing is written.

    Args:
        db: the database.
        name: the number or the name of the run.
        seeds: the number of seeds of each remedy.
        budget: at most so many runs (`40`) or so much time (`10min`); None for no limit.
        flags: flags of a script by the field they set, as `dropout=--drop-rate`.

    Raises:
        UsageError: the name means no single run, the run has no findings, no setting would change
            them, or the budget is malformed or too small.
    """
    run = single_run(store.find_runs(db, [name]), name)
    if not run.origin.is_startable:
        store.check_trained_by_nnlab(run, "train remedies for it")
    if run.origin.is_external:
        proposal = propose_script_remedies(db, run, flags)
    elif flags:
        raise UsageError(f"--map names flags of a script, and run {run.id} has none")
    else:
        proposal = _propose_remedies(db, run)
    seconds = estimate_seconds(run)
    settings = _limit_to_budget(proposal.settings, budget, seeds, seconds)
    candidates = tuple(
        RemedyCandidate(
            remedy,
            settings[remedy.name],
            seeds * seconds * proposal.relative_durations[remedy.name],
        )
        for remedy in proposal.remedies
        if remedy.name in settings
    )
    return RemedyPlan(
        run,
        proposal.objective,
        proposal.findings,
        settings,
        candidates,
        seeds,
        control_seconds=seeds * seconds,
        script=proposal.script,
        notes=(*proposal.notes, *_left_out_notes(proposal, settings, budget)),
    )


def _left_out_notes(
    proposal: RemedyProposal, settings: Mapping[str, Setting], budget: str | None
) -> tuple[str, ...]:
    """A note on the remedies that the budget leaves out; they may be better than those tried."""
    names = [remedy.name for remedy in proposal.remedies if remedy.name not in settings]
    return (f"left out by --budget {budget}: {join_names(names)}",) if names else ()


def _propose_remedies(db: store.Database, run: Run) -> RemedyProposal:
    """The remedies for a run that nnlab trains.

    Raises:
        UsageError: the run has no findings, or no setting would change them.
    """
    setting = run.trial.setting
    findings = tuple(diagnose(store.history(db, run.id), setting))
    if not findings:
        raise UsageError(f"run {run.id} has no findings: there is nothing to remedy")
    arguments = model_arguments(setting)
    remedies = arguments.translate(remedies_for(findings, arguments.with_fields(setting)))
    settings = remedy_settings(setting, remedies)
    if len(settings) == 1:
        codes = ", ".join(f"{finding.code} {finding.name}" for finding in findings)
        raise UsageError(
            f"no change to the setting of run {run.id} would remedy {codes}",
            hint=f"{quote_command('nnlab', 'explain', findings[0].code)} says what to look at"
            + (f", or to change in {setting['model']}" if ":" in str(setting["model"]) else ""),
        )
    return RemedyProposal(
        Objective.parse(str(setting["objective"])),
        findings,
        remedies,
        settings,
        {name: _relative_epochs(changed, run) for name, changed in settings.items()},
    )


def queue_remedies(db: store.Database, plan: RemedyPlan) -> QueuedRuns:
    """Queues the control and the remedies of a plan with the same seeds, in their own study."""
    arms = [Arm(name, (digest_of(setting),)) for name, setting in plan.settings.items()]
    study = _remedy_study(db, plan, arms)
    run_specs = _run_specs(plan)
    return QueuedRuns(study, tuple(run_specs), store.enqueue(db, study, run_specs))


def _run_specs(plan: RemedyPlan) -> list[store.RunSpec]:
    """The runs of all settings with the same seeds."""
    if plan.script is None:
        return remedy_run_specs(plan.settings.values(), range(plan.seeds))
    return [
        store.RunSpec(setting, digest_of(setting), seed, 0, origin=Origin.SCRIPT)
        for seed in range(plan.seeds)
        for setting in plan.settings.values()
    ]


def judge_remedies(db: store.Database, study: Study, plan: RemedyPlan) -> tuple[RemedyResult, ...]:
    """The results of the remedies after their runs were trained, best first."""
    return evaluate_remedies(db, study, plan.objective, plan.finding_code)


def setting_command(
    plan: RemedyPlan, study: Study, setting: Setting, own_options: Collection[str] = ()
) -> str:
    """The command line that executes a setting of a plan, with its seeds, in the plan's study.

    Executed now it trains nothing; with more seeds it adds runs. See `script_command`.
    """
    in_study = ("--study", study.name, "--seeds", str(plan.seeds))
    if plan.script is not None:
        return script_command(plan.script, setting, own_options, in_study)
    return train_command(setting, in_study)


def option_text(plan: RemedyPlan, changes: Mapping[str, Scalar]) -> str:
    """Changes of the setting as options of the command that executes it."""
    if plan.script is not None:
        return flag_text(plan.script, changes)
    return " ".join(
        f"{setting_field(name).flag} {format_value(value)}" for name, value in changes.items()
    )


def train_command(setting: Setting, more_words: Sequence[str] = ()) -> str:
    """The shortest `nnlab train` command line that trains a setting, and more words of it."""
    words = ["nnlab", "train"]
    for name in minimal_fields(setting):
        field = setting_field(name)
        words.append(field.flag)
        if not field.option.flag:
            words.append(format_value(setting[name]))
    return quote_command(*words, *more_words)


def estimate_seconds(run: Run) -> float:
    """The estimated wall time of all planned epochs of a run, in seconds."""
    spent = run.wall_seconds or run.device_seconds or 1.0
    if run.origin.is_external:
        return spent  # how much of it was planned is not known
    return spent * run.epochs_planned / max(run.epochs, 1)


def _relative_epochs(setting: Setting, run: Run) -> float:
    """The epochs of a setting, relative to those of a run."""
    return float(str(setting["epochs"])) / max(run.epochs_planned, 1)


def _limit_to_budget(
    settings: Mapping[str, Setting], budget: str | None, seeds: int, seconds: float
) -> dict[str, Setting]:
    """As many of the settings as a budget allows: the control and one remedy at least.

    Args:
        settings: the settings by name, the control first.
        budget: a number of runs, a time, or None for no limit.
        seeds: the number of seeds of each setting.
        seconds: the estimated seconds of a run.

    Raises:
        UsageError: the budget is neither a number of runs nor a time, or too small.
    """
    if budget is None:
        return dict(settings)
    if budget.isdecimal():
        max_settings = int(budget) // seeds
    else:
        allowed_seconds = parse_duration(budget)
        if allowed_seconds is None:
            raise UsageError(f"--budget is a number of runs or a time as 10min, got {budget}")
        max_settings = int(allowed_seconds / max(seconds * seeds, 1e-9))
    if max_settings < 2:
        raise UsageError(
            f"--budget {budget} does not allow {2 * seeds} runs: the control and one remedy,"
            f" {seeds} seeds each",
            hint=f"a larger budget, or fewer --seeds ({MIN_SEEDS} at least)",
        )
    return dict(list(settings.items())[:max_settings])


def _remedy_study(db: store.Database, plan: RemedyPlan, arms: Sequence[Arm]) -> Study:
    """The study of a run's remedies: a stored one, to which remedies are added, or a new one."""
    run = plan.run
    studies = {study.name: study for study in store.all_studies(db)}
    base = f"remedy/{run.name or run.id}"
    number, name = 1, base
    while name in studies and not _may_have_arms(studies[name], arms):
        number += 1
        name = f"{base}-{number}"
    if name in studies:
        arms = store.extend_study(db, name, arms=arms).arms
    return store.create_study(
        db,
        name=name,
        question=remedy_question(plan.finding_code, run.id),
        objective=plan.objective,
        space=None,
        seeds=(),
        arms=arms,
        script=None if plan.script is None else plan.script.to_json(),
    )


def _may_have_arms(study: Study, arms: Sequence[Arm]) -> bool:
    """Whether a remedy study can get the arms: it has the same control, no other of their names."""
    stored = {arm.name: arm.trials for arm in study.arms}
    return stored.get(CONTROL_ARM) == arms[0].trials and all(
        stored.get(arm.name, arm.trials) == arm.trials for arm in arms
    )
