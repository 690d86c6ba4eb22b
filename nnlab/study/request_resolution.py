"""What a request means for the study that it names: the runs to train, or why it is refused."""

import difflib
from pathlib import Path

from nnlab import store
from nnlab.cli.open_database import open_db
from nnlab.cli.options import option_arguments
from nnlab.errors import ConfigError, NoDatabase, StudyExists, UnknownName, UsageError
from nnlab.io.command_line import quote_command
from nnlab.records import Study
from nnlab.study import builtin
from nnlab.study.extension import Extension, build_extension
from nnlab.study.run_names import reads_as_number
from nnlab.study.spec import (
    StudySpec,
    TrainRequest,
    build_study_spec,
    check_names,
    numeric_name_message,
    seeds_of,
)


def resolve_request(
    typed: TrainRequest, db: str | None, command: str
) -> StudySpec | Extension | None:
    """What was asked for, checked; None for what a study of that name has already.

    Raises:
        ConfigError: a setting or a name does not hold.
        StudyExists: seeds that the study does not have, without `--extend`.
    """
    study = find_stored_study(db, typed.study)
    if typed.extend:
        if typed.study is None:
            raise UsageError("--extend adds to a study", hint="name it: --study NAME --extend")
        with open_db(db) as database:
            return build_extension(database, existing_study(database, typed.study), typed)
    if study is None and typed.study is not None and reads_as_number(typed.study):
        raise ConfigError([numeric_name_message("--study", typed.study)])
    if not typed.has_settings_or_seeds and typed.study is not None:
        return None
    if study is not None and not typed.settings and not typed.arms:
        return _resolve_seed_request(study, typed, db, command)
    return build_study_spec(typed, db=db)


def _resolve_seed_request(
    study: Study, typed: TrainRequest, db: str | None, command: str
) -> StudySpec | None:
    """A request for nothing but seeds of a study: those it has, or the default setting's.

    Raises:
        StudyExists: the study has other seeds, or no trial of the default setting.
    """
    seeds = seeds_of(typed)
    if not study.is_open:
        missing = [str(seed) for seed in seeds if seed not in study.seeds]
        if not missing:
            return None
        raise StudyExists(
            f"study '{study.name}' has the seeds {', '.join(map(str, study.seeds)) or 'none'}, and"
            f" not {', '.join(missing[:10])}{', ...' if len(missing) > 10 else ''}",
            hint=f"{command} adds them",
        )
    plan = build_study_spec(typed, db=db)
    with open_db(db) as database:
        digests = {run.trial.digest for run in store.runs(database, study=study.id)}
    if digests and not all(point.digest in digests for point in plan.points):
        raise StudyExists(
            f"only seeds were given, and study '{study.name}' has no trial of the default setting",
            hint=f"{command} trains each of its trials with these seeds; with options such as"
            " --opt sgd a trial is added",
        )
    return plan


def requested_run_specs(
    db: store.Database, typed: TrainRequest, plan: StudySpec | Extension | None
) -> list[store.RunSpec]:
    """Every run that a request means; without a plan, the current runs of its study."""
    if isinstance(plan, StudySpec):
        return run_specs_of(plan)
    if isinstance(plan, Extension):
        return list(plan.runs)
    return _stored_run_specs(db, existing_study(db, str(typed.study)), typed)


def _stored_run_specs(db: store.Database, study: Study, typed: TrainRequest) -> list[store.RunSpec]:
    """A study's current runs, of the seeds that were typed, with the name and tags typed."""
    check_names(typed)
    seeds = seeds_of(typed) if typed.has_seeds else None
    return [
        store.RunSpec(
            run.trial.setting,
            run.trial.digest,
            run.seed,
            run.epochs_planned,
            typed.name,
            typed.tags,
        )
        for run in store.runs(db, study=study.id, current_only=True)
        if seeds is None or run.seed in seeds
    ]


def run_specs_of(plan: StudySpec) -> list[store.RunSpec]:
    """Every run of a plan, all trials with the first seed first: an early look compares all."""
    return [
        store.RunSpec(point.setting, point.digest, seed, point.config.epochs, plan.name, plan.tags)
        for seed in plan.seeds
        for point in plan.points
    ]


def existing_study(db: store.Database, name: str) -> Study:
    """The study of that name.

    Raises:
        UsageError: there is none, or it was removed; the hint sets one up.
    """
    try:
        return store.find_study(db, name)
    except UnknownName as error:
        close = difflib.get_close_matches(name, builtin.builtin_study_names(), n=1, cutoff=0.5)
        if close:
            raise UsageError(
                error.message,
                hint=f"{quote_command('nnlab', 'train', '--study', close[0])} trains a built-in"
                " study",
            ) from None
        set_it_up = quote_command("nnlab", "init-study", name or "NAME", "--lr", "1e-3..1e-1")
        raise UsageError(error.message, hint=f"{set_it_up} sets it up") from None


def find_stored_study(db: str | None, name: str | None) -> Study | None:
    """The study of that name, if there is a database and it has one that was not removed."""
    if name is None:
        return None
    try:
        with open_db(db) as database:
            return next((s for s in store.all_studies(database) if s.name == name), None)
    except NoDatabase:
        return None


def extend_command(command: str, typed: TrainRequest, config: Path | None) -> str:
    """The same command line with `--extend`, for a hint."""
    words: list[object] = ["nnlab", command]
    if typed.study is not None:
        words += ["--study", typed.study] if command == "train" else [typed.study]
    if config is not None:
        words += ["--config", config]
    for name, value in typed.settings.items():
        words += option_arguments(name, value)
    for flag, seeds in (("--seed", typed.seed), ("--seeds", typed.seeds)):
        words += [] if seeds is None else [flag, seeds]
    return quote_command(*words, "--extend")
