"""Extensions of existing studies (`--extend`): values, seeds or trials that are added."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.engine.signatures import find_signature
from nnlab.errors import UsageError
from nnlab.io.text import format_count
from nnlab.records import Origin, Run, Sampler, Scalar, Setting, Study
from nnlab.settings.arguments import ARGUMENT_COMPONENTS
from nnlab.settings.setting_differences import format_value
from nnlab.settings.space import Space, TrialSpec, parse_space
from nnlab.study import sampler_options
from nnlab.study.expansion import complete_space, make_expander
from nnlab.study.next_trials import (
    is_adaptive,
    load_scored_trials,
    sampled_objective,
    suggest_trials,
)
from nnlab.study.request import TrainRequest, check_names, seeds_of
from nnlab.study.script_trials import added_script_trials
from nnlab.study.spec import build_study_spec

_MAX_LISTED = 10


@dataclass(frozen=True, slots=True)
class Extension:
    """What is added to a study.

    Attributes:
        study: the study, as it is stored.
        space: the added values, by field.
        seeds: the added seeds; none for an open study, which does not store seeds.
        sampler: the sampler with more trials; None where trials are not added.
        runs: all runs of the extended study, including those that it has already.
        changes: a line for each change, for the user.
    """

    study: Study
    space: Space
    seeds: tuple[int, ...]
    sampler: Sampler | None
    runs: tuple[store.RunSpec, ...]
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _ExtensionTrial:
    """A trial of the extended study, stored or new."""

    setting: Setting
    digest: str
    epochs: int


def build_extension(db: store.Database, study: Study, request: TrainRequest) -> Extension:
    """The extension that a request describes; nothing is written.

    Added values are combined with those of the study's space. Fields that the request does not
    name stay as they are.

    Raises:
        ConfigError: a value is not valid.
        UsageError: the request adds nothing, or the study cannot be extended by it.
    """
    check_names(request)
    if request.claim and request.claim != study.claim:
        raise UsageError(
            f"study '{study.name}' has another claim: {study.claim or 'none'}",
            hint="give the new study another name",
        )
    runs = store.runs(db, study=study.id, current_only=True)
    trials = _distinct_trials(runs)
    seeds = seeds_of(request) if request.has_seeds else ()
    sampler = _sampler_with_more_trials(study, request)
    space = _added_values(db, study, request)
    if not (space or seeds or sampler):
        if request.settings or request.arms:
            seeds = study.seeds  # nothing is new: the study is trained as it is
        else:
            raise UsageError(
                "--extend needs something to add", hint="--seeds 6, --epochs 20, or --lr 0.3"
            )
    stored_digests = {trial.digest for trial in trials}
    if study.script is not None:
        added = [
            _ExtensionTrial(trial.setting, trial.digest, 0)
            for trial in added_script_trials(db, study, sampler)
        ]
    else:
        added = [
            _ExtensionTrial(trial.setting, trial.digest, trial.config.epochs)
            for trial in _added_trials(db, study, space, sampler)
        ]
    added = [trial for trial in added if trial.digest not in stored_digests]
    all_seeds = tuple(dict.fromkeys((*study.seeds, *seeds)))
    origin = Origin.SCRIPT if study.script is not None else None
    run_specs = _run_specs([*trials, *added], all_seeds, request, origin)
    run_specs |= {
        (run.trial.digest, run.known_seed): store.RunSpec(
            run.trial.setting,
            run.trial.digest,
            run.known_seed,
            run.epochs_planned,
            request.name,
            request.tags,
            run.origin,
        )
        for run in runs
        if (run.trial.digest, run.seed) not in run_specs
    }
    new_seeds = tuple(seed for seed in seeds if seed not in _study_seeds(study, runs))
    return Extension(
        study,
        _values_with_defaults(study, space, trials),
        () if study.is_open else seeds,
        sampler,
        tuple(run_specs.values()),
        tuple(_change_lines(study, space, new_seeds, sampler, trials, added)),
    )


def has_additions(db: store.Database, study: Study, request: TrainRequest) -> bool:
    """Whether `--extend` would add values, seeds or trials to a study."""
    try:
        extension = build_extension(db, study, request)
    except UsageError:
        return False
    return bool(extension.changes)


def _study_seeds(study: Study, runs: Sequence[Run]) -> frozenset[int]:
    return frozenset(study.seeds) or frozenset(run.known_seed for run in runs)


def _distinct_trials(runs: Sequence[Run]) -> list[_ExtensionTrial]:
    trials = {
        run.trial.digest: _ExtensionTrial(run.trial.setting, run.trial.digest, run.epochs_planned)
        for run in runs
    }
    return list(trials.values())


def _run_specs(
    trials: Sequence[_ExtensionTrial],
    seeds: Sequence[int],
    request: TrainRequest,
    origin: Origin | None,
) -> dict[tuple[str, int], store.RunSpec]:
    """The runs of trials by digest and seed; all trials with the first seed come first."""
    return {
        (trial.digest, seed): store.RunSpec(
            trial.setting, trial.digest, seed, trial.epochs, request.name, request.tags, origin
        )
        for seed in seeds
        for trial in trials
    }


def _sampler_with_more_trials(study: Study, request: TrainRequest) -> Sampler | None:
    """The study's sampler with more trials; None where the request names no more.

    Raises:
        UsageError: the request names another sampler, other options, or fewer trials.
    """
    if not request.sampler:
        return None
    stored = study.sampler
    if stored is None or not study.samples:
        raise UsageError(
            f"study '{study.name}' tries every combination of its space: a sampler cannot be added",
            hint="give a study with a sampler another name",
        )
    options = {
        "sampler_seed" if key == "seed" else key: value for key, value in stored.options.items()
    }
    extended = sampler_options.parse_sampler({"sampler": stored.name, **options, **request.sampler})
    if extended is None or (extended.name, _options_without_trials(extended)) != (
        stored.name,
        _options_without_trials(stored),
    ):
        raise UsageError(
            f"study '{study.name}' keeps its sampler, {stored}: --extend adds trials to it",
            hint="give --trials alone, or give the new study another name",
        )
    before, after = _trial_count(stored), _trial_count(extended)
    if after < before:
        raise UsageError(f"study '{study.name}' has {before} trials: --trials {after} is not more")
    return extended if after > before else None


def _options_without_trials(sampler: Sampler) -> dict[str, Scalar]:
    return {key: value for key, value in sampler.options.items() if key != "trials"}


def _trial_count(sampler: Sampler) -> int:
    return int(sampler.options["trials"] or 0)


def _same_comparisons(db: store.Database, study: Study, request: TrainRequest) -> bool:
    spec = build_study_spec(request, db=db.address.target)
    tests = [
        [comparison.without_expectation for comparison in comparisons]
        for comparisons in (spec.comparisons, study.comparisons)
    ]
    return spec.arms == study.arms and tests[0] == tests[1]


def _added_values(db: store.Database, study: Study, request: TrainRequest) -> Space:
    """The values of a request that the study's space does not have, by field.

    Raises:
        UsageError: values cannot be added: the study compares arms, is open, or uses a sampler.
    """
    if request.arms or (study.arms and request.settings):
        if request.arms and _same_comparisons(db, study, request):
            return {}
        raise UsageError(
            f"study '{study.name}' compares arms, which stay as they are: only seeds can be added",
            hint="give --seeds or --seed alone, or give the new study another name",
        )
    if study.script is not None:
        if request.settings:
            raise UsageError(
                f"study '{study.name}' is one of a script: --extend adds seeds and trials of its"
                " sampler to it",
                hint="nnlab run SCRIPT --study NAME executes it with other flags, unless init-study"
                " has fixed them",
            )
        return {}
    if study.space is None:
        if request.settings and not study.arms:
            raise UsageError(
                f"study '{study.name}' is open and has no space: --extend adds only seeds to it",
                hint="without --extend, the options describe a trial that is added to it",
            )
        return {}
    space = parse_space(
        request.settings,
        whole_ranges=study.samples,
        signatures=find_signature,
        components={name: study.space.get(name, ()) for name in ARGUMENT_COMPONENTS},
    )
    added = {
        field: tuple(
            value for value in values if not _contains_value(study.space.get(field, ()), value)
        )
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
    return json.dumps(value) in {json.dumps(item) for item in values}


def _added_trials(
    db: store.Database, study: Study, added: Space, sampler: Sampler | None
) -> tuple[TrialSpec, ...]:
    """The trials that are added: those of a grid with an added value, or a sampler's next ones."""
    if study.space is None:
        return ()
    space = complete_space(db, study)
    expand = make_expander(db.address.target, shared=space)
    if sampler is not None:
        if is_adaptive(sampler):
            return ()  # chosen round by round while the study is trained
        return suggest_trials(
            sampler, space, sampled_objective(study), load_scored_trials(db, study), expand
        )
    new_fields = {field: values for field, values in added.items() if field not in space}
    merged = {field: (*values, *added.get(field, ())) for field, values in space.items()}
    spaces = (
        [merged | new_fields]
        if new_fields
        else [{**merged, field: values} for field, values in added.items()]
    )
    trials = {trial.digest: trial for part in spaces for trial in expand(part)}
    _check_objective(study, tuple(trials.values()))
    return tuple(trials.values())


def _check_objective(study: Study, trials: Sequence[TrialSpec]) -> None:
    """Checks that trials have the objective of the study.

    Raises:
        UsageError: they have another one.
    """
    others = {str(trial.config.objective) for trial in trials} - {str(study.objective)}
    if study.objective is not None and others:
        raise UsageError(
            f"study '{study.name}' ranks by {study.objective}, and what is added selects by"
            f" {', '.join(sorted(others))}",
            hint="give the new study another name",
        )


def _values_with_defaults(study: Study, added: Space, trials: Sequence[_ExtensionTrial]) -> Space:
    """The added values; for a field new to the space also the values that the trials have."""
    space = study.space or {}
    previous = {
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
            *(value for value in previous.get(field, ()) if not _contains_value(values, value)),
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
    """A line for each change, for the user."""
    lines = []
    if seeds:
        lines.append(f"seeds added: {_join_values(seeds)}")
    lines += [f"{field} added: {_join_values(values)}" for field, values in space.items()]
    if sampler is not None and study.sampler is not None:
        lines.append(f"trials: {_trial_count(study.sampler)} -> {_trial_count(sampler)}")
    if added:
        lines.append(f"{format_count(len(added), 'new trial')}")
    if "epochs" in space and trials:
        epochs = _join_values(sorted({trial.epochs for trial in trials}))
        lines.append(
            f"the {format_count(len(trials), 'trial')} of {epochs} epochs stay as they are: another"
            " number of epochs is another setting, which is trained from its first epoch"
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
