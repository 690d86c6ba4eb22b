"""Remedies for a run of a script: changes of its flags, tried by `nnlab remedy`."""

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from nnlab import store
from nnlab.analysis.remedies import CONTROL_ARM
from nnlab.diagnosis.external_curves import diagnose_external
from nnlab.diagnosis.remedies import remedies_for
from nnlab.errors import UsageError
from nnlab.io.command_line import quote_command
from nnlab.io.text import join_names
from nnlab.objective import Objective, Scalar, Setting
from nnlab.records import Finding, Origin, Run
from nnlab.scripts.arguments import build_arguments
from nnlab.scripts.flag_axes import parse_axis
from nnlab.scripts.remedy_flags import (
    REMEDY_FIELDS,
    FlagRemedy,
    MappedFlag,
    apply_to_flags,
    map_flags,
    remedy_setting,
)
from nnlab.scripts.script_spec import (
    AUTOMATIC_METRICS,
    EXTRA_ARGUMENTS_NAME,
    LINE_METRICS,
    PROCESSES_NAME,
    RESERVED_NAMES,
    ScriptSpec,
    has_seed_placeholder,
    script_setting,
    without_version,
)
from nnlab.settings.ranges import Range
from nnlab.study.remedy_plan import RemedyProposal


def propose_script_remedies(
    db: store.Database, run: Run, chosen_flags: Sequence[str]
) -> RemedyProposal:
    """The remedies of a script's run that its flags make possible; nothing is written.

    Args:
        db: the database.
        run: a run of another program.
        chosen_flags: `field=--flag`, where the usual names of flags do not apply.

    Raises:
        UsageError: nnlab cannot start the run, it has no findings or no objective, or no flag of
            the script would change them.
    """
    spec = _read_spec(db, run)
    objective = _objective_of(db, run)
    setting = run.trial.setting
    findings = diagnose_external(store.history(db, run.id), run.axis)
    if not findings:
        raise UsageError(f"run {run.id} has no findings: there is nothing to remedy")
    values = {name: value for name, value in setting.items() if name not in RESERVED_NAMES}
    mapped = map_flags(spec.flags, values, _parse_map(chosen_flags))
    possible = remedies_for(_in_units_of_epochs(findings, run, mapped), remedy_setting(mapped))
    total_steps = run.epochs if run.axis == "step" else None
    remedies = apply_to_flags(possible, mapped, total_steps)
    if not remedies:
        raise _no_remedy_error(run, findings, mapped)
    settings = {CONTROL_ARM: script_setting(spec, without_version(setting))[0]}
    for remedy in remedies:
        changed = {**without_version(setting), **remedy.changes}
        settings[remedy.remedy.name] = script_setting(spec, changed)[0]
    return RemedyProposal(
        objective=objective,
        findings=findings,
        remedies=tuple(replace(each.remedy, changes=each.changes) for each in remedies),
        settings=settings,
        relative_durations={
            each.remedy.name: _relative_duration(each, mapped) for each in remedies
        },
        script=spec,
        notes=_seed_notes(spec),
    )


def _in_units_of_epochs(
    findings: Sequence[Finding], run: Run, mapped: Mapping[str, MappedFlag]
) -> tuple[Finding, ...]:
    """The findings, without onsets that are steps if the flag counts epochs, or vice versa."""
    epochs = mapped.get("epochs")
    if epochs is None or (epochs.unit == "steps") == (run.axis == "step"):
        return tuple(findings)
    return tuple(replace(finding, onset=None) for finding in findings)


def script_command(
    spec: ScriptSpec,
    setting: Setting,
    own_options: Collection[str] = (),
    more_words: Sequence[str] = (),
) -> str:
    """The `nnlab run` command line that executes a script with a setting.

    Args:
        spec: the script.
        setting: the setting of a trial.
        own_options: the options of `nnlab run`; flags of these names get the prefix `--flag.`.
        more_words: more options of `nnlab run`, which come before the script.
    """
    values = {name: value for name, value in setting.items() if name not in RESERVED_NAMES}
    lists = {name: value for name, value in values.items() if _means_several(spec, name, value)}
    words = ["nnlab", "run"]
    if (processes := setting.get(PROCESSES_NAME)) is not None:
        words += ["--nproc", str(processes)]
    if spec.seed_flag is not None and (spec.flags.parser == "unknown" or spec.seed_flag != "seed"):
        words += ["--seed-flag", spec.seed_flag]
    if spec.metrics not in (AUTOMATIC_METRICS, LINE_METRICS):
        words += ["--metrics", spec.metrics]
    words += more_words
    words += ["--cmd", spec.template] if spec.template is not None else [_shown_path(spec)]
    typed = {name: value for name, value in values.items() if name not in lists}
    words += [_distinct_flag(word, own_options) for word in build_arguments(spec.flags, typed)]
    extra = build_arguments(spec.flags, lists) if lists else []
    extra += shlex.split(str(setting.get(EXTRA_ARGUMENTS_NAME) or ""))
    return quote_command(*words, *(["--", *extra] if extra else []))


def _means_several(spec: ScriptSpec, name: str, value: Scalar) -> bool:
    """Whether `nnlab run` would read a value as a list or a range of values."""
    flag = spec.flags.find_flag(name)
    if flag is None or not flag.takes_one_value or not isinstance(value, str):
        return False
    return isinstance(parse_axis(flag, value), tuple | Range)


def _distinct_flag(word: str, own_options: Collection[str]) -> str:
    """A flag of the script with a prefix if `nnlab run` has an option of this name."""
    return f"--flag.{word[2:]}" if word.partition("=")[0] in own_options else word


def flag_text(spec: ScriptSpec, changes: Mapping[str, Scalar]) -> str:
    """Changes of flags as they are typed."""
    return quote_command(*build_arguments(spec.flags, changes))


def _shown_path(spec: ScriptSpec) -> str:
    path = Path(spec.path or "")
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _read_spec(db: store.Database, run: Run) -> ScriptSpec:
    record = store.find_script(db, run.id) if run.origin is Origin.SCRIPT else None
    if record is None:
        raise UsageError(
            f"run {run.id} was {run.origin}: nnlab did not start it, so it cannot try remedies",
            hint="nnlab run train.py --lr 0.1 starts a script",
        )
    return ScriptSpec.from_json(record).with_current_version()


def _objective_of(db: store.Database, run: Run) -> Objective:
    objective = store.find_objective(db, run.id)
    if objective is None:
        raise UsageError(
            f"the study of run {run.id} has no objective to judge remedies by",
            hint="nnlab run ... --objective METRIC:max or METRIC:min names it",
        )
    return objective


def _parse_map(chosen_flags: Sequence[str]) -> dict[str, str]:
    chosen = {}
    for text in chosen_flags:
        field, separator, flag = text.partition("=")
        if not separator or not field or not flag:
            raise UsageError(
                f"--map {text}: not of the form dropout=--drop-rate",
                hint=f"the quantities are {join_names(REMEDY_FIELDS)}",
            )
        chosen[field.strip().replace("-", "_")] = flag.strip()
    return chosen


def _no_remedy_error(
    run: Run, findings: Sequence[Finding], mapped: Mapping[str, MappedFlag]
) -> UsageError:
    codes = ", ".join(f"{finding.code} {finding.name}" for finding in findings)
    flags = [f"{field} ({flag.flag.display_name})" for field, flag in mapped.items()]
    missing = [field for field in REMEDY_FIELDS if field not in mapped]
    reason = f"its flags set {join_names(flags)}" if flags else "none of its flags is known"
    return UsageError(
        f"no change to the flags of run {run.id} would remedy {codes}: {reason}",
        hint=f"--map names the flag of {', '.join(missing)}, as --map dropout=--drop-rate"
        if missing
        else f"{quote_command('nnlab', 'explain', findings[0].code)} says what to look at",
    )


def _relative_duration(remedy: FlagRemedy, mapped: Mapping[str, MappedFlag]) -> float:
    """The duration of a run with a remedy, relative to the original."""
    epochs = mapped.get("epochs")
    if epochs is None or epochs.flag.name not in remedy.changes or not epochs.value:
        return 1.0
    return float(str(remedy.changes[epochs.flag.name])) / epochs.value


def _seed_notes(spec: ScriptSpec) -> tuple[str, ...]:
    takes_seed = spec.seed_flag is not None or (
        spec.template is not None and has_seed_placeholder(spec.template)
    )
    if takes_seed:
        return ()
    return (
        "the script has no flag for a seed: runs get it only as NNLAB_SEED, and are paired by it"
        " even if the script does not use it",
    )
