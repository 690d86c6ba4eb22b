"""Candidates of `nnlab gate`: one setting that nnlab trains, or one setting of a user's script."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from nnlab import store
from nnlab.errors import ConfigError, UsageError
from nnlab.objective import Objective, Setting
from nnlab.records import Origin, Study, Trial
from nnlab.scripts.objectives import find_objective_metric, same_objective
from nnlab.scripts.script_spec import ScriptSpec
from nnlab.settings import CODE_VERSION_FIELDS
from nnlab.settings.external import SCRIPT_VERSION_NAME, builtin_fields
from nnlab.study.queue import OPEN_STUDY
from nnlab.study.request import TrainRequest
from nnlab.study.resolution import find_stored_study
from nnlab.study.script_request import ScriptRequest
from nnlab.study.script_study import ScriptStudy, build_script_study
from nnlab.study.spec import StudySpec, build_study_spec, shortfall_notes

# The metrics of a script are looked up in its newest runs.
_MAX_RUNS = 20


@dataclass(frozen=True, slots=True)
class GateCandidate:
    """The setting that a gate tests, and how it is trained.

    Attributes:
        study: the name of its study, to whose ledger it belongs.
        setting: the setting.
        digest: the digest of the setting.
        epochs: the planned epochs; 0 for a script.
        objective: the metric that is compared.
        open_study: creates the study in a database, or returns the stored one.
        name: the name of its runs.
        tags: the tags of its runs.
        script: the script that its runs execute; None if nnlab trains them.
        notes: what the user should know.
    """

    study: str
    setting: Setting
    digest: str
    epochs: int
    objective: Objective
    open_study: Callable[[store.Database], Study]
    name: str | None = None
    tags: tuple[str, ...] = ()
    script: ScriptSpec | None = None
    notes: tuple[str, ...] = ()

    @property
    def origin(self) -> Origin | None:
        """The origin of its runs; None if it follows from the setting."""
        return None if self.script is None else Origin.SCRIPT

    @property
    def has_user_code(self) -> bool:
        """Whether its runs execute code of the user, which may be changed at any time."""
        return self.script is not None or any(_versions(self.setting).values())

    def run_spec(self, seed: int) -> store.RunSpec:
        """The specification of its run with a seed."""
        return store.RunSpec(
            self.setting, self.digest, seed, self.epochs, self.name, self.tags, self.origin
        )

    def can_train(self, baseline: Trial) -> bool:
        """Whether the code of a baseline is still there, so that its other seeds can be trained.

        The candidate was made from the code that is there now: where both name the same files, the
        versions of the baseline must be the same.
        """
        own, other = _versions(self.setting), _versions(baseline.setting)
        return all(other[name] == own[name] for name in own.keys() & other.keys())


def _versions(setting: Setting) -> dict[tuple[str, object], object]:
    """The versions of the user's code by field and file."""
    if SCRIPT_VERSION_NAME in setting:
        return {(SCRIPT_VERSION_NAME, ""): setting[SCRIPT_VERSION_NAME]}
    fields = builtin_fields(setting)
    return {
        (field, fields.get(field)): fields[version]
        for field, version in CODE_VERSION_FIELDS.items()
        if fields.get(version) is not None
    }


def candidate_of_request(request: TrainRequest, db: str | None) -> GateCandidate:
    """The candidate that the options of `nnlab train` describe; nothing is written.

    Raises:
        ConfigError: a setting is not valid, or the options describe several settings.
        UsageError: candidates cannot be added to the study.
    """
    if request.has_fixed_space:
        raise ConfigError(["a gate tests one setting: a file with arms or a claim describes more"])
    spec = build_study_spec(request, db=db)
    if len(spec.trials) != 1:
        raise _several_settings_error(len(spec.trials))
    trial = spec.trials[0]
    study = find_stored_study(db, request.study or OPEN_STUDY)
    if study is not None and not study.is_open:
        raise UsageError(
            f"study '{study.name}' has a fixed space, so no candidates can be added to it",
            hint="a study of its own for the loop: --study loop; --against RUN names its baseline",
        )
    if study is not None and study.script is not None:
        raise UsageError(
            f"study '{study.name}' is one of the script {study.script['name']}",
            hint="--script SCRIPT tests flags of the script; other candidates need another study",
        )
    if trial.config.objective is None:
        raise ConfigError(["a gate needs a metric to compare: --objective val/accuracy"])
    return GateCandidate(
        spec.study or OPEN_STUDY,
        trial.setting,
        trial.digest,
        trial.config.epochs,
        Objective.parse(trial.config.objective),
        lambda database: _open_study(database, spec),
        spec.name,
        spec.tags,
        notes=shortfall_notes(request, spec),
    )


def candidate_of_script(request: ScriptRequest, db: str | None) -> GateCandidate:
    """The candidate that flags of a script describe; nothing is written.

    Raises:
        ConfigError: a flag is not valid, the flags describe several settings, or there is no
            objective.
        UsageError: the script does not exist, or its study has another definition.
    """
    study = build_script_study(request)
    if len(study.trials) != 1:
        raise _several_settings_error(len(study.trials))
    stored = find_stored_study(db, study.name)
    objective = study.objective or (stored.objective if stored is not None else None)
    if objective is None:
        raise ConfigError(["a gate needs the metric to compare: --objective val_loss:min"])
    trial = study.trials[0]
    return GateCandidate(
        study.name,
        trial.setting,
        trial.digest,
        0,
        objective,
        lambda database: _put_script(database, study),
        request.name,
        request.tags,
        study.spec,
        study.notes,
    )


def _several_settings_error(count: int) -> ConfigError:
    return ConfigError(
        [f"a gate tests one setting, and the options describe {count:,}"],
        hint="test the candidates one after another; one that is kept is the baseline of the next",
    )


def _open_study(db: store.Database, spec: StudySpec) -> Study:
    return store.create_study(
        db, name=spec.study or OPEN_STUDY, question="", objective=None, space=None, seeds=()
    )


def _put_script(db: store.Database, study: ScriptStudy) -> Study:
    stored = next((s for s in store.all_studies(db) if s.name == study.name), None)
    # The stored objective has the name that the script gives to the metric.
    is_known = stored is not None and same_objective(stored.objective, study.objective)
    objective = None if is_known else study.objective
    return store.put_script(db, study.name, study.spec.to_json(), objective=objective)


def with_measured_objective(
    db: store.Database, study: Study, candidate: GateCandidate
) -> GateCandidate:
    """The candidate with the name that its script gives to the metric of the objective.

    The name is known once a run of the study has ended; until then the candidate is unchanged.
    """
    if candidate.script is None:
        return candidate
    runs = store.runs(db, study=study.id, newest_first=True, limit=_MAX_RUNS)
    summaries = store.summaries(db, [run.id for run in runs])
    metrics = {metric for summary in summaries.values() for metric in summary}
    objective = find_objective_metric(candidate.objective, metrics)
    return candidate if objective is None else replace(candidate, objective=objective)
