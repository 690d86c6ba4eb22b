"""`--extend`: what is added to a study that exists. Used by `nnlab train` and `init-study`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.config.space import Space, TrialSpec, format_value, parse_space
from nnlab.errors import UsageError
from nnlab.io.text import format_count
from nnlab.records import Run, Sampler, Scalar, Setting, Study
from nnlab.study import sampler_options
from nnlab.study.next_trials import is_adaptive, load_scored_trials, suggest_trials
from nnlab.study.spec import TrainRequest, build_study_spec, check_names, make_expander, seeds_of

_MAX_LISTED = 10


@dataclass(frozen=True, slots=True)
class Extension:
    """What is added to a study: values by field, seeds, a sampler with more trials.

    `runs` are all runs of the extended study, also those that it has already. `changes` says in
    lines what is added.
    """

    study: Study
    space: Space
    seeds: tuple[int, ...]
    sampler: Sampler | None
    runs: tuple[store.RunSpec, ...]
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _ExtensionTrial:
    setting: Setting
    digest: str
    epochs: int


def build_extension(db: store.Database, study: Study, typed: TrainRequest) -> Extension:
    """Returns what a request adds to a study; nothing is written.

    Values multiply out with those of the study's space; what the request does not name stays as
    it is in the study.

    Raises:
        ConfigError: values that do not hold.
        UsageError: the request adds nothing, or the study cannot be extended by it.
    """
    check_names(typed)
    if typed.claim and typed.claim != study.claim:
        raise UsageError(
            f"study '{study.name}' has another claim: {study.claim or 'none'}",
            hint="give the new study another name",
        )
    runs = store.runs(db, study=study.id, current_only=True)
    trials = _distinct_trials(runs)
    seeds = seeds_of(typed) if typed.has_seeds else ()
    sampler = _sampler_with_more_trials(study, typed)
    space = _added_values(db, study, typed)
    if not (space or seeds or sampler):
        if typed.settings or typed.arms:
            seeds = study.seeds  # all of it is there: the study is trained as it is
        else:
            raise UsageError(
                "--extend needs something to add", hint="--seeds 6, --epochs 20, or --lr 0.3"
            )
    points = _added_trials(db, study, space, sampler)
    added = [
        _ExtensionTrial(point.setting, point.digest, point.config.epochs)
        for point in points
        if point.digest not in {trial.digest for trial in trials}
    ]
    every_seed = tuple(dict.fromkeys((*study.seeds, *seeds)))
    plans = _run_specs([*trials, *added], every_seed, typed)
    plans |= {
        (run.trial.digest, run.seed): store.RunSpec(
            run.trial.setting,
            run.trial.digest,
            run.seed,
            run.epochs_planned,
            typed.name,
            typed.tags,
        )
        for run in runs
        if (run.trial.digest, run.seed) not in plans
    }
    new_seeds = tuple(seed for seed in seeds if seed not in _study_seeds(study, runs))
    return Extension(
        study,
        _values_with_defaults(study, space, trials),
        () if study.is_open else seeds,
        sampler,
        tuple(plans.values()),
        tuple(_change_lines(study, space, new_seeds, sampler, trials, added)),
    )


def has_additions(db: store.Database, study: Study, typed: TrainRequest) -> bool:
    """Whether `--extend` would add values, seeds or trials to a study."""
    try:
        extension = build_extension(db, study, typed)
    except UsageError:
        return False
    return bool(extension.changes)


def _study_seeds(study: Study, runs: Sequence[Run]) -> frozenset[int]:
    return frozenset(study.seeds) or frozenset(run.seed for run in runs)


def _distinct_trials(runs: Sequence[Run]) -> list[_ExtensionTrial]:
    trials = {
        run.trial.digest: _ExtensionTrial(run.trial.setting, run.trial.digest, run.epochs_planned)
        for run in runs
    }
    return list(trials.values())


def _run_specs(
    trials: Sequence[_ExtensionTrial], seeds: Sequence[int], typed: TrainRequest
) -> dict[tuple[str, int], store.RunSpec]:
    """The runs of trials, all with the first seed first, as `nnlab train` queues them."""
    return {
        (trial.digest, seed): store.RunSpec(
            trial.setting, trial.digest, seed, trial.epochs, typed.name, typed.tags
        )
        for seed in seeds
        for trial in trials
    }


def _sampler_with_more_trials(study: Study, typed: TrainRequest) -> Sampler | None:
    """The study's sampler with more trials; None where that was not asked for.

    Raises:
        UsageError: another sampler, other options, or fewer trials.
    """
    if not typed.sampler:
        return None
    old = study.sampler
    if old is None or not study.samples:
        raise UsageError(
            f"study '{study.name}' tries every combination of its space: a sampler cannot be added",
            hint="give a study with a sampler another name",
        )
    stored = {"sampler_seed" if key == "seed" else key: value for key, value in old.options.items()}
    new = sampler_options.parse_sampler({"sampler": old.name, **stored, **typed.sampler})
    if new is None or (new.name, _options_without_trials(new)) != (
        old.name,
        _options_without_trials(old),
    ):
        raise UsageError(
            f"study '{study.name}' keeps its sampler, {old}: --extend adds trials to it",
            hint="give --trials alone, or give the new study another name",
        )
    if _trial_count(new) < _trial_count(old):
        raise UsageError(
            f"study '{study.name}' has {_trial_count(old)} trials: --trials {_trial_count(new)} is not more"
        )
    return new if _trial_count(new) > _trial_count(old) else None


def _options_without_trials(sampler: Sampler) -> dict[str, Scalar]:
    return {key: value for key, value in sampler.options.items() if key != "trials"}


def _trial_count(sampler: Sampler) -> int:
    return int(sampler.options["trials"] or 0)


def _same_comparisons(db: store.Database, study: Study, typed: TrainRequest) -> bool:
    plan = build_study_spec(typed, db=db.address.target)
    return (plan.arms, plan.decides) == (study.arms, study.decides)


def _added_values(db: store.Database, study: Study, typed: TrainRequest) -> Space:
    """The values, by field, that the study's space does not have.

    Raises:
        UsageError: the study's trials do not come from a grid.
    """
    if typed.arms or (study.arms and typed.settings):
        if typed.arms and _same_comparisons(db, study, typed):
            return {}
        raise UsageError(
            f"study '{study.name}' compares arms, which stay as they are: only seeds can be added",
            hint="give --seeds or --seed alone, or give the new study another name",
        )
    if study.space is None:
        if typed.settings and not study.arms:
            raise UsageError(
                f"study '{study.name}' is open and has no space: --extend adds only seeds to it",
                hint="without --extend, the options describe a trial that is added to it",
            )
        return {}
    space = parse_space(typed.settings, whole_ranges=study.samples)
    old = study.space
    added = {
        field: tuple(value for value in values if not _contains_value(old.get(field, ()), value))
        for field, values in space.items()
    }
    added = {field: values for field, values in added.items() if values}
    if added and study.samples:
        raise UsageError(
            f"the sampler of study '{study.name}' chooses from its space, which stays as it is:"
            " only --seeds and --trials can be extended",
            hint="give a study with another space another name",
        )
    return added


def _contains_value(values: Sequence[Scalar], value: Scalar) -> bool:
    # As JSON: 1, 1.0 and true are equal in Python and different settings here.
    return json.dumps(value) in {json.dumps(one) for one in values}


def _added_trials(
    db: store.Database, study: Study, added: Space, sampler: Sampler | None
) -> tuple[TrialSpec, ...]:
    """The trials that are added: of a grid all with an added value, of a sampler its next ones."""
    if study.space is None:
        return ()
    space = dict(study.space)
    expand = make_expander(db.address.target, shared=space)
    if sampler is not None:
        assert study.objective is not None
        if is_adaptive(sampler):
            return ()  # chosen round by round while the study is trained
        return suggest_trials(
            sampler, space, study.objective, load_scored_trials(db, study), expand
        )
    new_fields = {field: values for field, values in added.items() if field not in space}
    merged = {field: (*values, *added.get(field, ())) for field, values in space.items()}
    spaces = (
        [merged | new_fields]
        if new_fields
        else [{**merged, field: values} for field, values in added.items()]
    )
    points = {point.digest: point for each in spaces for point in expand(each)}
    _check_objective(study, tuple(points.values()))
    return tuple(points.values())


def _check_objective(study: Study, points: Sequence[TrialSpec]) -> None:
    others = {str(point.config.objective) for point in points} - {str(study.objective)}
    if study.objective is not None and others:
        raise UsageError(
            f"study '{study.name}' ranks by {study.objective}, and what is added selects by"
            f" {', '.join(sorted(others))}",
            hint="give the new study another name",
        )


def _values_with_defaults(study: Study, added: Space, trials: Sequence[_ExtensionTrial]) -> Space:
    """The added values; of a field new to the space also what the study's trials had."""
    space = study.space or {}
    had = {
        field: tuple(
            dict.fromkeys(
                trial.setting[field] for trial in trials if trial.setting.get(field) is not None
            )
        )
        for field in added
        if field not in space
    }
    return {
        field: (
            *(value for value in had.get(field, ()) if not _contains_value(values, value)),
            *values,
        )
        for field, values in added.items()
    }


def _change_lines(
    study: Study,
    space: Space,
    seeds: Sequence[int],
    sampler: Sampler | None,
    trials: Sequence[_ExtensionTrial],
    added: Sequence[_ExtensionTrial],
) -> list[str]:
    lines = []
    if seeds:
        lines.append(f"seeds added: {_join_values(seeds)}")
    lines += [f"{field} added: {_join_values(values)}" for field, values in space.items()]
    if sampler is not None and study.sampler is not None:
        lines.append(f"trials: {_trial_count(study.sampler)} -> {_trial_count(sampler)}")
    if added:
        lines.append(f"{format_count(len(added), 'new trial')}")
    if "epochs" in space and trials:
        had = _join_values(sorted({trial.epochs for trial in trials}))
        lines.append(
            f"the {format_count(len(trials), 'trial')} of {had} epochs stay as they are: another number"
            " of epochs is another setting, which is trained from its first epoch"
        )
    return lines


def _join_values(values: Sequence[Scalar]) -> str:
    more = ", ..." if len(values) > _MAX_LISTED else ""
    return ", ".join(format_value(value) for value in values[:_MAX_LISTED]) + more


def store_extension(db: store.Database, extension: Extension) -> Study:
    """Stores the extension and returns the extended study; its runs are not queued yet."""
    return store.extend_study(
        db,
        extension.study.name,
        space=extension.space,
        seeds=extension.seeds,
        sampler=extension.sampler,
    )
