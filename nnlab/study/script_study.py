"""Studies of scripts: built from a request, stored, and queued for the workers."""

from collections.abc import Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.errors import ConfigError, UsageError
from nnlab.objective import Objective, Setting
from nnlab.records import Sampler, Status, Study
from nnlab.scripts.flag_values import parse_flag_values
from nnlab.scripts.objectives import same_objective
from nnlab.scripts.script_spec import ScriptSpec, without_version
from nnlab.settings.space import Space, parse_seeds
from nnlab.study import sampler_options
from nnlab.study.queue import QueuedRuns
from nnlab.study.request import MAX_SEEDS, check_run_names
from nnlab.study.script_request import ScriptRequest, default_seed, read_script, script_notes
from nnlab.study.script_trials import (
    ScriptTrial,
    initial_script_trials,
    script_run_specs,
    script_space,
)


@dataclass(frozen=True, slots=True)
class ScriptStudy:
    """A script with the trials and seeds to execute, and the study that they belong to.

    Attributes:
        request: the request that describes it.
        name: the name of the study.
        spec: the script.
        space: values and ranges by flag.
        trials: the trials; with a sampler, those that it begins with.
        seeds: the seeds of each trial.
        objective: the objective; None if the metrics of the first run decide it.
        sampler: the sampler; None where every combination is a trial.
        notes: what the user should know.
    """

    request: ScriptRequest
    name: str
    spec: ScriptSpec
    space: Space
    trials: tuple[ScriptTrial, ...]
    seeds: tuple[int, ...]
    objective: Objective | None
    sampler: Sampler | None
    notes: tuple[str, ...]

    @property
    def processes(self) -> int | None:
        """How many processes torchrun starts for each run; None if it is not used."""
        return self.request.processes

    def run_specs(self) -> list[store.RunSpec]:
        """Every run, whether or not it is stored already."""
        request = self.request
        return script_run_specs(self.trials, self.seeds, name=request.name, tags=request.tags)


def build_script_study(request: ScriptRequest) -> ScriptStudy:
    """Reads the flags of the script and checks everything that was typed; nothing is written.

    Raises:
        UsageError: the script does not exist, or there are too many trials.
        UserCodeError: the script cannot be read.
        ConfigError: invalid flags, values, seeds or options.
    """
    check_run_names(request.study, request.name, request.tags)
    sampler = sampler_options.parse_sampler(request.sampler)
    objective = request.parsed_objective()
    spec = read_script(request)
    values = parse_flag_values(spec.flags, request.tokens, request.grid)
    if spec.seed_flag is not None and spec.seed_flag in {**values.fixed, **values.axes}:
        # The script's own seed is part of the setting, as typed.
        spec = spec.without_seed_flag()
    chooses = sampler is not None and sampler.name != "grid"
    space = script_space(values, request.processes, whole_ranges=chooses)
    seeds = _seeds_of(request, spec)
    trials = initial_script_trials(spec, space, sampler, objective)
    notes = (*values.notes, *script_notes(request, spec, len(seeds)))
    name = request.study or request.default_study
    return ScriptStudy(request, name, spec, space, trials, seeds, objective, sampler, notes)


def _seeds_of(request: ScriptRequest, spec: ScriptSpec) -> tuple[int, ...]:
    if request.seed is not None and request.seeds is not None:
        raise ConfigError(["--seed lists seeds and --seeds counts them: give one of them"])
    if request.seed is not None:
        return parse_seeds(request.seed)
    if request.seeds is None:
        return (default_seed(spec),)
    if not 1 <= request.seeds <= MAX_SEEDS:
        raise ConfigError([f"--seeds must be from 1 to {MAX_SEEDS:,}, got {request.seeds}"])
    return tuple(range(request.seeds))


def queue_script_study(
    db: store.Database,
    study: ScriptStudy,
    *,
    fixed_space: bool = False,
    again: bool = False,
    failed_only: bool = False,
) -> QueuedRuns:
    """Creates the study or updates the record of its script, and queues its runs.

    Runs without a result, of the same flags and an earlier version of the code, are moved to the
    trials of the current version.

    Args:
        db: the database, open for writing.
        study: what is to be executed.
        fixed_space: whether the study has these values and seeds only, as `init-study` creates it.
        again: whether each run is repeated even if it is stored already.
        failed_only: whether only runs that have failed are queued.

    Raises:
        StudyExists: the study has another script or another definition.
        UsageError: no run has failed.
    """
    stored = _store_study(db, study, is_fixed=fixed_space)
    run_specs = study.run_specs()
    moved = _adopt_unfinished_runs(db, stored, study)
    changes = (
        (f"{moved} unfinished runs belong to the new version {study.spec.version} of the code",)
        if moved
        else ()
    )
    if failed_only:
        run_specs = _only_failed(db, stored, run_specs)
    enqueued = store.enqueue(db, stored, run_specs, repeat=again)
    request = study.request
    return QueuedRuns(stored, tuple(run_specs), enqueued, changes, (), request.name, request.tags)


def refresh_script(db: store.Database, study: Study) -> tuple[Study, tuple[str, ...]]:
    """Stores the version of a study's script that is on this machine now; returns the changes.

    Raises:
        UserCodeError: the script cannot be read here.
    """
    if study.script is None:
        return study, ()
    spec = ScriptSpec.from_json(study.script)
    current = spec.with_current_version()
    if current.version == spec.version:
        return study, ()
    store.replace_script(db, study.id, current.to_json())
    changes = (
        f"the code has changed (version {spec.version} -> {current.version}): runs without a"
        " result use the new version, as trials of their own",
    )
    return store.find_study(db, study.name), changes


def _store_study(db: store.Database, study: ScriptStudy, *, is_fixed: bool) -> Study:
    record = study.spec.to_json()
    if not is_fixed:
        return store.put_script(db, study.name, record, objective=study.objective)
    objective = study.objective
    existing = next((s for s in store.all_studies(db) if s.name == study.name), None)
    if existing is not None and same_objective(existing.objective, objective):
        objective = existing.objective  # as the script spells the metric
    return store.create_study(
        db,
        name=study.name,
        question=study.request.question or "",
        objective=objective,
        space=study.space,
        seeds=study.seeds,
        sampler=study.sampler,
        script=record,
    )


def _adopt_unfinished_runs(db: store.Database, stored: Study, study: ScriptStudy) -> int:
    """Moves runs without a result to the trials of the current version; returns how many."""
    settings = {_key(trial.setting): trial.setting for trial in study.trials}
    digests = {trial.digest for trial in study.trials}
    moves: dict[str, list[int]] = {}
    for run in store.runs(db, study=stored.id, current_only=True):
        key = _key(run.trial.setting)
        is_waiting = run.status.needs_training and run.status is not Status.RUNNING
        if is_waiting and run.trial.digest not in digests and key in settings:
            moves.setdefault(key, []).append(run.id)
    return sum(
        store.move_unfinished_runs(db, run_ids, settings[key]) for key, run_ids in moves.items()
    )


def _key(setting: Setting) -> str:
    return repr(sorted(without_version(setting).items()))


def _only_failed(
    db: store.Database, stored: Study, run_specs: Sequence[store.RunSpec]
) -> list[store.RunSpec]:
    failed = {
        (run.trial.digest, run.seed)
        for run in store.runs(db, study=stored.id, current_only=True)
        if run.status is Status.FAILED
    }
    matching = [spec for spec in run_specs if (spec.digest, spec.seed) in failed]
    if not matching:
        raise UsageError(
            f"none of these runs of study '{stored.name}' has failed",
            hint="nnlab ls shows the status of each run",
        )
    return matching
