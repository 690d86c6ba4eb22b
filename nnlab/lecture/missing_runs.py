"""How much training the studies of the course still need, for the forecast of its duration."""

import math
from dataclasses import dataclass

from nnlab import store
from nnlab.lecture.results import reference_seconds
from nnlab.records import Run
from nnlab.settings import setting_fields
from nnlab.settings.space import parse_values
from nnlab.study.builtin import builtin_study_path
from nnlab.study.request import TrainRequest, merge_config_file, seeds_of

_DEFAULT_EPOCHS = setting_fields()["epochs"].default


@dataclass(frozen=True, slots=True)
class MissingTraining:
    """The runs of a study without a result, and the epochs that they need.

    `share` is the share of the study's epochs that is missing, from 0 to 1.
    """

    study: str
    runs: int
    epochs: int
    share: float


def missing_training(db: store.Database | None, study: str) -> MissingTraining:
    """What a built-in study needs: of a stored study what it lacks, else all of its runs."""
    stored = None if db is None else _stored_runs(db, study)
    if stored is None:
        runs, epochs = _planned_runs(study)
        return MissingTraining(study, runs, epochs, 1.0)
    missing = [run for run in stored if run.status.needs_training]
    epochs = sum(run.epochs_planned - run.epochs for run in missing)
    planned = sum(run.epochs_planned for run in stored)
    return MissingTraining(study, len(missing), epochs, epochs / planned if planned else 0.0)


def _stored_runs(db: store.Database, name: str) -> tuple[Run, ...] | None:
    study = next((study for study in store.all_studies(db) if study.name == name), None)
    if study is None:
        return None
    return store.runs(db, study=study.id, current_only=True) or None


def _planned_runs(study: str) -> tuple[int, int]:
    """The runs and epochs in the file of a study; arms that share a trial are counted twice."""
    request = merge_config_file(builtin_study_path(study), TrainRequest(settings={}, study=study))
    seeds = len(seeds_of(request))
    runs = epochs = 0
    for settings in request.arms.values():
        values = {name: parse_values(name, value) for name, value in settings.items()}
        trials = math.prod(len(listed) for listed in values.values())
        durations = [int(str(value)) for value in values.get("epochs", [_DEFAULT_EPOCHS])]
        runs += trials * seeds
        epochs += trials * seeds * sum(durations) // len(durations)
    return runs, epochs


def training_weights(missing: list[MissingTraining]) -> dict[str, float]:
    """How long each study takes relative to the others.

    In seconds of the machine of the reference results where these are known for all studies, else
    in epochs.
    """
    seconds = {part.study: reference_seconds(part.study) for part in missing if part.runs}
    return {
        part.study: float(part.epochs)
        if None in seconds.values()
        else (seconds.get(part.study) or 0.0) * part.share
        for part in missing
    }
