"""Queues the runs of a specification in a study, which is created or extended for them."""

from collections.abc import Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.errors import StudyExists, UsageError
from nnlab.records import Run, Status, Study
from nnlab.study.extension import Extension, has_additions, store_extension
from nnlab.study.found_decay import check_decays_found
from nnlab.study.moved_data import reuse_trials_of_moved_data
from nnlab.study.request import TrainRequest
from nnlab.study.resolution import Specification, existing_study, requested_run_specs
from nnlab.study.spec import StudySpec

# `nnlab train` without --study adds its runs to this study, which has no fixed space.
OPEN_STUDY = "default"


@dataclass(frozen=True, slots=True)
class QueuedRuns:
    """The runs of a request in the queue.

    Attributes:
        study: their study.
        run_specs: what was queued, in the order of `enqueued.run_ids`.
        enqueued: the ids of the runs, and how many are new, waiting, finished, ...
        changes: a line for each change of the study, for the user.
        moved_paths: pairs of the path of a data file in stored settings and its new path.
        name: the name of runs that a sampler adds.
        tags: the tags of runs that a sampler adds.
    """

    study: Study
    run_specs: tuple[store.RunSpec, ...]
    enqueued: store.EnqueueResult
    changes: tuple[str, ...] = ()
    moved_paths: tuple[tuple[str, str], ...] = ()
    name: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def run_ids(self) -> tuple[int, ...]:
        """The ids of all runs, including those that are finished already."""
        return self.enqueued.run_ids


def queue_runs(
    db: store.Database,
    request: TrainRequest,
    specification: Specification,
    *,
    again: bool = False,
    failed_only: bool = False,
    fixed_space: bool = False,
    command: str = "",
) -> QueuedRuns:
    """Creates or extends the study of a specification and queues its runs.

    Args:
        db: the database, open for writing.
        request: the request; its name and tags are stored with the runs.
        specification: what is to be trained.
        again: whether each run is repeated even if it is stored already.
        failed_only: whether only runs that have failed are queued.
        fixed_space: whether a new study has a fixed space, whatever the request says.
        command: the command that extends the study, for a hint.

    Raises:
        StudyExists: the study exists and has another space, question or objective.
        UsageError: the study of a `StoredStudy` does not exist, or no run has failed.
    """
    failed = _failed_run_keys(db, request.study) if failed_only else None
    run_specs = requested_run_specs(db, request, specification)
    changes: tuple[str, ...] = ()
    match specification:
        case StudySpec():
            check_decays_found(request, specification.arms)
            is_fixed = fixed_space or request.has_fixed_space
            study = find_study_of_trials(db, specification) or _get_or_create_study(
                db, request, specification, command, is_fixed=is_fixed
            )
        case Extension():
            study, changes = store_extension(db, specification), specification.changes
        case _:
            study = existing_study(db, specification.name)
    run_specs, moved_paths = reuse_trials_of_moved_data(db, study, run_specs)
    if failed is not None:
        run_specs = [spec for spec in run_specs if (spec.digest, spec.seed) in failed]
    enqueued = store.enqueue(db, study, run_specs, repeat=again)
    return QueuedRuns(
        study, tuple(run_specs), enqueued, changes, moved_paths, request.name, request.tags
    )


def failed_runs(runs: Sequence[Run]) -> list[Run]:
    """The runs that have failed."""
    return [run for run in runs if run.status is Status.FAILED]


def _failed_run_keys(db: store.Database, name: str | None) -> frozenset[tuple[str, int]]:
    """The digest and seed of each failed run of a study, or of all studies.

    Raises:
        UsageError: no run has failed.
    """
    study = existing_study(db, name) if name is not None else None
    runs = store.runs(db, study=study.id if study else None, current_only=True)
    failed = [run for run in failed_runs(runs) if run.origin.is_startable]
    if not failed:
        raise UsageError(
            f"no run of study '{name}' has failed" if name else "no run has failed",
            hint="nnlab ls shows the status of each run",
        )
    return frozenset((run.trial.digest, run.known_seed) for run in failed)


def find_study_of_trials(db: store.Database, spec: StudySpec) -> Study | None:
    """The study of a specification if it compares arms and has all of the trials; otherwise None.

    A specification of some of its trials and seeds is no other definition of the study. A study
    that stores no seeds, as those of `nnlab remedy`, accepts all.
    """
    study = next((study for study in store.all_studies(db) if study.name == spec.study), None)
    if study is None or not study.arms or spec.arms or spec.claim or spec.sampler or spec.question:
        return None
    digests = {digest for arm in study.arms for digest in arm.trials}
    has_trials = digests.issuperset(trial.digest for trial in spec.trials)
    has_seeds = not study.seeds or set(study.seeds).issuperset(spec.seeds)
    return study if has_trials and has_seeds else None


def _get_or_create_study(
    db: store.Database, request: TrainRequest, spec: StudySpec, command: str, *, is_fixed: bool
) -> Study:
    """The study of a specification, created if it does not exist.

    By default it is open: any run can be added to it. With `is_fixed` its space, seeds and
    question are fixed.

    Raises:
        StudyExists: a study of that name has another space, question or objective.
    """
    name = spec.study or OPEN_STUDY
    existing = next((study for study in store.all_studies(db) if study.name == name), None)
    if not is_fixed and (existing is None or existing.is_open):
        return store.create_study(
            db, name=name, question=spec.question, objective=None, space=None, seeds=()
        )
    try:
        return store.create_study(
            db,
            name=name,
            question=spec.question,
            objective=spec.objective,
            space=spec.space,
            seeds=spec.seeds,
            claim=spec.claim,
            arms=spec.arms,
            comparisons=spec.comparisons,
            sampler=spec.sampler,
            pilot=spec.pilot,
            published=spec.published,
        )
    except StudyExists as error:
        if existing is not None and has_additions(db, existing, request):
            error.hint = f"{command} adds to it; or give the new one another name"
        raise
