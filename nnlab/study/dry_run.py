"""What a request would train, without writing anything (`--dry-run`)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nnlab import store
from nnlab.analysis.arm_labels import arm_label, arms_by_digest
from nnlab.errors import NoDatabase
from nnlab.records import Study
from nnlab.settings.setting_differences import distinguishing_fields, setting_label
from nnlab.study.database import open_results
from nnlab.study.extension import Extension
from nnlab.study.queue import OPEN_STUDY
from nnlab.study.request import TrainRequest
from nnlab.study.resolution import Specification, requested_run_specs, run_specs_of
from nnlab.study.spec import StudySpec

# A run by the digest of its trial and its seed.
RunKey = tuple[str, int]


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a specification would train.

    Attributes:
        run_specs: all runs of the specification.
        completed: those that have a result already; runs of other specifications may be among it.
        extension: what would be added to a stored study, if anything.
        arms: the arm of each trial by its digest; empty if the study compares no arms.
    """

    run_specs: tuple[store.RunSpec, ...]
    completed: frozenset[RunKey]
    extension: Extension | None = None
    arms: Mapping[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> Mapping[str, str]:
        """The label of each trial by its digest: its arm, and what distinguishes its setting.

        Unlike in results, the values by which an arm differs from the others are shown too: a dry
        run is for checking them.
        """
        settings = {spec.digest: spec.setting for spec in self.run_specs}
        fields = distinguishing_fields(list(settings.values()))
        values = {digest: setting_label(setting, fields) for digest, setting in settings.items()}
        return {
            digest: arm_label(self.arms[digest], text) if digest in self.arms else text
            for digest, text in values.items()
        }

    @property
    def num_completed(self) -> int:
        """The number of runs that have a result already."""
        return sum((spec.digest, spec.seed) in self.completed for spec in self.run_specs)

    @property
    def num_missing(self) -> int:
        """The number of runs that would be trained."""
        return len(self.run_specs) - self.num_completed


def dry_run(db: str | None, request: TrainRequest, specification: Specification) -> DryRun:
    """What a specification would train; creates no database and writes to none.

    Raises:
        NoDatabase: there is no database, and the specification refers to a stored study.
    """
    extension = specification if isinstance(specification, Extension) else None
    arms = specification.arms if isinstance(specification, StudySpec) else ()
    try:
        with open_results(db) as database:
            run_specs = requested_run_specs(database, request, specification)
            studies = {study.name: study for study in store.all_studies(database)}
            study = studies.get(request.study or OPEN_STUDY)
            completed = _completed_run_keys(database, study) if study else frozenset()
            arms = arms or (study.arms if study else ())
    except NoDatabase:
        if not isinstance(specification, StudySpec):
            raise
        run_specs, completed = run_specs_of(specification), frozenset()
    return DryRun(tuple(run_specs), completed, extension, arms_by_digest(arms))


def check_devices(run_specs: Iterable[store.RunSpec]) -> None:
    """Checks that this machine has the devices that settings name.

    Raises:
        DeviceError: a device is missing.
    """
    names = {str(spec.setting.get("device", "auto")) for spec in run_specs}
    if others := sorted(names - {"auto", "cpu"}):
        # Imported only here: torch, which knows the other devices, takes a second to import.
        from nnlab.engine import device

        for name in others:
            device.resolve_device(name)


def _completed_run_keys(db: store.Database, study: Study) -> frozenset[RunKey]:
    runs = store.runs(db, study=study.id, current_only=True)
    return frozenset(
        (run.trial.digest, run.known_seed) for run in runs if not run.status.needs_training
    )
