"""Resolves a request against the database: what is to be trained, or why it is refused."""

import difflib
from dataclasses import dataclass
from pathlib import Path

from nnlab import store
from nnlab.errors import ConfigError, NoDatabase, StudyExists, UnknownName, UsageError
from nnlab.io.command_line import quote_command
from nnlab.records import Study
from nnlab.study import builtin
from nnlab.study.database import open_results
from nnlab.study.extension import Extension, build_extension
from nnlab.study.request import (
    TrainRequest,
    check_names,
    merge_config_file,
    numeric_name_message,
    seeds_of,
)
from nnlab.study.run_names import reads_as_number
from nnlab.study.spec import StudySpec, build_study_spec

_MAX_LISTED_SEEDS = 10


@dataclass(frozen=True, slots=True)
class StoredStudy:
    """The runs that a study has already; nothing is added to it."""

    name: str


# What is to be trained: described by the request, added to a study, or stored already.
Specification = StudySpec | Extension | StoredStudy


def read_request(request: TrainRequest, config: Path | None, db: str | None) -> TrainRequest:
    """The request with its TOML file merged: the given one, or that of a built-in study.

    The file of a built-in study is used when the request names the study and nothing else, and
    the database does not have the study yet.

    Raises:
        UsageError: the file is missing or is not valid TOML.
        ConfigError: keys or values of the file are not valid.
    """
    return merge_config_file(config or _builtin_file(request, db), request)


def _builtin_file(request: TrainRequest, db: str | None) -> Path | None:
    if (
        request.study not in builtin.builtin_study_names()
        or request.settings
        or request.arms
        or request.extend
    ):
        return None
    if find_stored_study(db, request.study) is not None:
        return None
    return builtin.builtin_study_path(request.study)


def resolve_request(request: TrainRequest, db: str | None, command: str) -> Specification:
    """What `nnlab train` trains for a request; nothing is written.

    Args:
        request: the request, with its TOML file merged.
        db: path or URL of the database; None for the default.
        command: the command that extends the study, for hints.

    Raises:
        ConfigError: a setting or a name is not valid.
        StudyExists: seeds that the study does not have, without `--extend`.
    """
    study = find_stored_study(db, request.study)
    if request.extend:
        return _resolve_extension(request, db)
    if study is None and request.study is not None and reads_as_number(request.study):
        raise ConfigError([numeric_name_message("--study", request.study)])
    if not request.has_settings_or_seeds and request.study is not None:
        return StoredStudy(request.study)
    if study is not None and not request.settings and not request.arms:
        return _resolve_seed_request(study, request, db, command)
    return build_study_spec(request, db=db)


def resolve_new_study(request: TrainRequest, db: str | None) -> StudySpec | Extension:
    """What `nnlab init-study` sets up for a request; nothing is written.

    Raises:
        ConfigError: a setting or a name is not valid.
        UsageError: the request has no name for the study, or the weights that the study starts
            from are not trained yet.
    """
    if request.study is None:
        raise UsageError(
            "init-study needs a name for the study",
            hint="nnlab init-study NAME ..., or --from lecture/relu for a built-in one",
        )
    if request.extend:
        return _resolve_extension(request, db)
    if reads_as_number(request.study) and find_stored_study(db, request.study) is None:
        raise ConfigError([numeric_name_message("the name", request.study)])
    try:
        return build_study_spec(request, db=db)
    except UsageError as error:
        if request.pretrain is None or isinstance(error, ConfigError):
            raise
        train = quote_command("nnlab", "train", "--study", request.study)
        raise UsageError(
            f"study '{request.study}' starts from weights that are not trained yet",
            hint=f"{train} trains them first",
        ) from None


def _resolve_extension(request: TrainRequest, db: str | None) -> Extension:
    if request.study is None:
        raise UsageError("--extend adds to a study", hint="name it: --study NAME --extend")
    with open_results(db) as database:
        return build_extension(database, existing_study(database, request.study), request)


def _resolve_seed_request(
    study: Study, request: TrainRequest, db: str | None, command: str
) -> StudySpec | StoredStudy:
    """Resolves a request that names only seeds: those of the study, or of the default setting.

    Raises:
        StudyExists: the study has other seeds, or no trial of the default setting.
    """
    seeds = seeds_of(request)
    if not study.is_open:
        missing = [str(seed) for seed in seeds if seed not in study.seeds]
        if not missing:
            return StoredStudy(study.name)
        more = ", ..." if len(missing) > _MAX_LISTED_SEEDS else ""
        raise StudyExists(
            f"study '{study.name}' has the seeds {', '.join(map(str, study.seeds)) or 'none'}, and"
            f" not {', '.join(missing[:_MAX_LISTED_SEEDS])}{more}",
            hint=f"{command} adds them",
        )
    spec = build_study_spec(request, db=db)
    with open_results(db) as database:
        digests = {run.trial.digest for run in store.runs(database, study=study.id)}
    if digests and not all(trial.digest in digests for trial in spec.trials):
        raise StudyExists(
            f"only seeds were given, and study '{study.name}' has no trial of the default setting",
            hint=f"{command} trains each of its trials with these seeds; with options such as"
            " --opt sgd a trial is added",
        )
    return spec


def requested_run_specs(
    db: store.Database, request: TrainRequest, specification: Specification
) -> list[store.RunSpec]:
    """Every run of a specification, whether or not it is stored already.

    Raises:
        UsageError: the study of a `StoredStudy` does not exist.
    """
    match specification:
        case StudySpec():
            return run_specs_of(specification)
        case Extension():
            return list(specification.runs)
        case StoredStudy(name):
            return _stored_run_specs(db, existing_study(db, name), request)


def _stored_run_specs(
    db: store.Database, study: Study, request: TrainRequest
) -> list[store.RunSpec]:
    """The current runs of a study with the requested seeds, name and tags."""
    check_names(request)
    seeds = seeds_of(request) if request.has_seeds else None
    return [
        store.RunSpec(
            run.trial.setting,
            run.trial.digest,
            run.known_seed,
            run.epochs_planned,
            request.name,
            request.tags,
            run.origin,
        )
        for run in store.runs(db, study=study.id, current_only=True)
        if run.origin.is_startable and (seeds is None or run.seed in seeds)
    ]


def run_specs_of(spec: StudySpec) -> list[store.RunSpec]:
    """Every run of a new specification.

    All trials with the first seed come first, so that all trials can be compared early.
    """
    return [
        store.RunSpec(trial.setting, trial.digest, seed, trial.config.epochs, spec.name, spec.tags)
        for seed in spec.seeds
        for trial in spec.trials
    ]


def existing_study(db: store.Database, name: str) -> Study:
    """The study of that name.

    Raises:
        UsageError: it does not exist or was removed; the hint is a command that creates it.
    """
    try:
        return store.find_study(db, name)
    except UnknownName as error:
        close = difflib.get_close_matches(name, builtin.builtin_study_names(), n=1, cutoff=0.5)
        if close:
            train = quote_command("nnlab", "train", "--study", close[0])
            raise UsageError(error.message, hint=f"{train} trains a built-in study") from None
        init = quote_command("nnlab", "init-study", name or "NAME", "--lr", "1e-3..1e-1")
        raise UsageError(error.message, hint=f"{init} sets it up") from None


def find_stored_study(db: str | None, name: str | None) -> Study | None:
    """The study of that name; None without a database, or where it has none or it was removed."""
    if name is None:
        return None
    try:
        with open_results(db) as database:
            return next(
                (study for study in store.all_studies(database) if study.name == name), None
            )
    except NoDatabase:
        return None
