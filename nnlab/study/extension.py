"""`--extend`: what is added to a study that exists. Used by `nnlab train` and `init-study`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.analysis.ranking import plural
from nnlab.config.space import Point, Space, parse_space, shown
from nnlab.errors import UsageError
from nnlab.records import Run, Sampler, Scalar, Setting, Study
from nnlab.study import sampler_options
from nnlab.study.next_trials import learns, next_points, tried_in
from nnlab.study.spec import Typed, check_words, expander, plan_of, seeds_of

_MOST_LISTED = 10


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
    runs: tuple[store.Plan, ...]
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Trial:
    setting: Setting
    digest: str
    epochs: int


def extension_of(db: store.Database, study: Study, typed: Typed) -> Extension:
    """Returns what a request adds to a study; nothing is written.

    Values multiply out with those of the study's space; what the request does not name stays as
    it is in the study.

    Raises:
        ConfigError: values that do not hold.
        UsageError: the request adds nothing, or the study cannot be extended by it.
    """
    check_words(typed)
    if typed.claim and typed.claim != study.claim:
        raise UsageError(
            f"study '{study.name}' has another claim: {study.claim or 'none'}",
            hint="give the new study another name",
        )
    runs = store.runs(db, study=study.id, current_only=True)
    trials = _trials_of(runs)
    seeds = seeds_of(typed) if typed.names_seeds else ()
    sampler = _with_more_trials(study, typed)
    space = _added_values(db, study, typed)
    if not (space or seeds or sampler):
        if typed.settings or typed.arms:
            seeds = study.seeds  # all of it is there: the study is trained as it is
        else:
            raise UsageError(
                "--extend needs something to add", hint="--seeds 6, --epochs 20, or --lr 0.3"
            )
    points = _points(db, study, space, sampler)
    added = [
        _Trial(point.setting, point.digest, point.config.epochs)
        for point in points
        if point.digest not in {trial.digest for trial in trials}
    ]
    every_seed = tuple(dict.fromkeys((*study.seeds, *seeds)))
    plans = _plans([*trials, *added], every_seed, typed)
    plans |= {
        (run.trial.digest, run.seed): store.Plan(
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
    new_seeds = tuple(seed for seed in seeds if seed not in _seeds_in(study, runs))
    return Extension(
        study,
        _with_defaults(study, space, trials),
        () if study.is_open else seeds,
        sampler,
        tuple(plans.values()),
        tuple(_changes(study, space, new_seeds, sampler, trials, added)),
    )


def adds_something(db: store.Database, study: Study, typed: Typed) -> bool:
    """Whether `--extend` would add values, seeds or trials to a study."""
    try:
        extension = extension_of(db, study, typed)
    except UsageError:
        return False
    return bool(extension.changes)


def _seeds_in(study: Study, runs: Sequence[Run]) -> frozenset[int]:
    return frozenset(study.seeds) or frozenset(run.seed for run in runs)


def _trials_of(runs: Sequence[Run]) -> list[_Trial]:
    trials = {
        run.trial.digest: _Trial(run.trial.setting, run.trial.digest, run.epochs_planned)
        for run in runs
    }
    return list(trials.values())


def _plans(
    trials: Sequence[_Trial], seeds: Sequence[int], typed: Typed
) -> dict[tuple[str, int], store.Plan]:
    """The runs of trials, all with the first seed first, as `nnlab train` queues them."""
    return {
        (trial.digest, seed): store.Plan(
            trial.setting, trial.digest, seed, trial.epochs, typed.name, typed.tags
        )
        for seed in seeds
        for trial in trials
    }


def _with_more_trials(study: Study, typed: Typed) -> Sampler | None:
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
    new = sampler_options.sampler_of({"sampler": old.name, **stored, **typed.sampler})
    if new is None or (new.name, _apart_from_trials(new)) != (old.name, _apart_from_trials(old)):
        raise UsageError(
            f"study '{study.name}' keeps its sampler, {old}: --extend adds trials to it",
            hint="give --trials alone, or give the new study another name",
        )
    if _count(new) < _count(old):
        raise UsageError(
            f"study '{study.name}' has {_count(old)} trials: --trials {_count(new)} is not more"
        )
    return new if _count(new) > _count(old) else None


def _apart_from_trials(sampler: Sampler) -> dict[str, Scalar]:
    return {key: value for key, value in sampler.options.items() if key != "trials"}


def _count(sampler: Sampler) -> int:
    return int(sampler.options["trials"] or 0)


def _same_comparisons(db: store.Database, study: Study, typed: Typed) -> bool:
    plan = plan_of(typed, db=db.address.target)
    return (plan.arms, plan.decides) == (study.arms, study.decides)


def _added_values(db: store.Database, study: Study, typed: Typed) -> Space:
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
        field: tuple(value for value in values if not _has(old.get(field, ()), value))
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


def _has(values: Sequence[Scalar], value: Scalar) -> bool:
    # As JSON: 1, 1.0 and true are equal in Python and different settings here.
    return json.dumps(value) in {json.dumps(one) for one in values}


def _points(
    db: store.Database, study: Study, added: Space, sampler: Sampler | None
) -> tuple[Point, ...]:
    """The trials that are added: of a grid all with an added value, of a sampler its next ones."""
    if study.space is None:
        return ()
    space = dict(study.space)
    expand = expander(db.address.target, shared=space)
    if sampler is not None:
        assert study.objective is not None
        if learns(sampler):
            return ()  # chosen round by round while the study is trained
        return next_points(sampler, space, study.objective, tried_in(db, study), expand)
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


def _check_objective(study: Study, points: Sequence[Point]) -> None:
    others = {str(point.config.objective) for point in points} - {str(study.objective)}
    if study.objective is not None and others:
        raise UsageError(
            f"study '{study.name}' ranks by {study.objective}, and what is added selects by"
            f" {', '.join(sorted(others))}",
            hint="give the new study another name",
        )


def _with_defaults(study: Study, added: Space, trials: Sequence[_Trial]) -> Space:
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
        field: (*(value for value in had.get(field, ()) if not _has(values, value)), *values)
        for field, values in added.items()
    }


def _changes(
    study: Study,
    space: Space,
    seeds: Sequence[int],
    sampler: Sampler | None,
    trials: Sequence[_Trial],
    added: Sequence[_Trial],
) -> list[str]:
    lines = []
    if seeds:
        lines.append(f"seeds added: {_listed(seeds)}")
    lines += [f"{field} added: {_listed(values)}" for field, values in space.items()]
    if sampler is not None and study.sampler is not None:
        lines.append(f"trials: {_count(study.sampler)} -> {_count(sampler)}")
    if added:
        lines.append(f"{plural(len(added), 'new trial')}")
    if "epochs" in space and trials:
        had = _listed(sorted({trial.epochs for trial in trials}))
        lines.append(
            f"the {plural(len(trials), 'trial')} of {had} epochs stay as they are: another number"
            " of epochs is another setting, which is trained from its first epoch"
        )
    return lines


def _listed(values: Sequence[Scalar]) -> str:
    more = ", ..." if len(values) > _MOST_LISTED else ""
    return ", ".join(shown(value) for value in values[:_MOST_LISTED]) + more


def extend(db: store.Database, extension: Extension) -> Study:
    """Stores the extension and returns the extended study; its runs are not queued yet."""
    return store.extend_study(
        db,
        extension.study.name,
        space=extension.space,
        seeds=extension.seeds,
        sampler=extension.sampler,
    )
