"""Study specifications: the trials, seeds, arms and comparisons that a request describes."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from nnlab.diagnosis.codes import parse_codes
from nnlab.engine.signatures import find_signature
from nnlab.errors import ConfigError, UnknownName
from nnlab.io.text import format_count
from nnlab.records import Arm, Comparison, Objective, Pilot, PublishedResult, Sampler
from nnlab.search import NON_ADAPTIVE_SAMPLERS
from nnlab.settings.arguments import ARGUMENT_COMPONENTS
from nnlab.settings.space import Space, TrialSpec, duplicate_value_notes, parse_space
from nnlab.study import sampler_options
from nnlab.study.arms import merge_spaces
from nnlab.study.comparisons import parse_comparisons
from nnlab.study.device_arms import missing_device_notes
from nnlab.study.expansion import make_expander
from nnlab.study.found_decay import find_decays
from nnlab.study.next_trials import suggest_trials
from nnlab.study.published import parse_pilot, parse_published
from nnlab.study.request import TrainRequest, check_names, seeds_of


@dataclass(frozen=True, slots=True)
class StudySpec:
    """Trials and seeds to train, and the study that they belong to.

    Attributes:
        study: the name of the study; None for the open study.
        question: the question that the study answers.
        name: the name of the runs.
        tags: the tags of the runs.
        space: all values by field, over all arms.
        trials: the trials; with an adaptive sampler, those that it begins with.
        seeds: the seeds of each trial.
        claim: the claim that the comparisons test.
        arms: the arms, with the digests of their trials.
        comparisons: the comparisons of arms.
        sampler: the sampler; None where every combination is a trial.
        pilot: the seeds on which the study was designed.
        published: the published results about the claim.
    """

    study: str | None
    question: str
    name: str | None
    tags: tuple[str, ...]
    space: Space
    trials: tuple[TrialSpec, ...]
    seeds: tuple[int, ...]
    claim: str = ""
    arms: tuple[Arm, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    sampler: Sampler | None = None
    pilot: Pilot | None = None
    published: tuple[PublishedResult, ...] = ()

    @property
    def objective(self) -> Objective | None:
        """The objective of all trials, or None where they have different ones."""
        return _common_objective({trial.config.objective for trial in self.trials})


def build_study_spec(request: TrainRequest, *, db: str | None = None) -> StudySpec:
    """Parses, expands and checks a request; nothing is written.

    Args:
        request: the settings, seeds, arms and sampler.
        db: the database that holds the runs which `--from` names.

    Raises:
        ConfigError: invalid settings, names or comparisons; all problems at once.
        DataError: a data file cannot be used.
    """
    problems: list[str] = []
    seeds: tuple[int, ...] = ()
    sampler = None
    try:
        seeds = seeds_of(request)
    except ConfigError as error:
        problems += error.problems
    try:
        sampler = sampler_options.parse_sampler(request.sampler)
    except ConfigError as error:
        problems += error.problems
    samples = sampler is not None and sampler.name != "grid"
    if samples and request.arms:
        problems.append("--sampler chooses among all settings, and arms are compared whole")
    spaces = _parse_spaces(request, problems, whole_ranges=samples)
    try:
        check_names(request)
    except ConfigError as error:
        problems += error.problems
    arm_names = tuple(request.arms)
    comparisons = (
        *parse_comparisons(request.comparisons, arm_names, problems),
        *parse_comparisons(request.subclaims, arm_names, problems, decides=False),
    )
    pilot = parse_pilot(request.pilot, problems)
    published = parse_published(request.published, problems)
    if problems:
        raise ConfigError(problems)
    notes = missing_device_notes(request.required_devices)
    spaces = {arm: space for arm, space in spaces.items() if arm not in notes}
    if sampler is not None and samples:
        trials_by_arm = {"": _initial_trials(sampler, spaces[""], db)}
    else:
        trials_by_arm = _expand_arms(spaces, request.settings if request.arms else (), db)
    notes |= _find_decays(request, trials_by_arm, db)
    arms = tuple(
        Arm(name, tuple(trial.digest for trial in trials_by_arm.get(name, ())), notes.get(name, ""))
        for name in request.arms
    )
    distinct = {trial.digest: trial for trials in trials_by_arm.values() for trial in trials}
    return StudySpec(
        study=request.study,
        question=request.question or "",
        name=request.name,
        tags=request.tags,
        space=merge_spaces(list(spaces.values())),
        trials=tuple(distinct.values()),
        seeds=seeds,
        claim=request.claim,
        arms=arms,
        comparisons=comparisons,
        sampler=sampler,
        pilot=pilot,
        published=published,
    )


def shortfall_notes(request: TrainRequest, spec: StudySpec) -> tuple[str, ...]:
    """Notes about requests that lead to fewer trials than they count, and about their data."""
    notes: list[str] = []
    for settings in request.arms.values() if request.arms else (request.settings,):
        notes += duplicate_value_notes(settings)
    notes += duplicate_value_notes({"seed": request.seed}) if request.seed is not None else ()
    if spec.sampler is not None and spec.sampler.name in NON_ADAPTIVE_SAMPLERS:
        requested = int(spec.sampler.options["trials"] or 0)
        if len(spec.trials) < requested:
            notes.append(
                f"the space has {format_count(len(spec.trials), 'different trial')},"
                f" not the {requested:,} of --trials"
            )
    notes += [f"arm {arm.name}: {arm.note}" for arm in spec.arms if arm.note]
    notes += [f"{trial.config.data}: {text}" for trial in spec.trials for text in trial.notes]
    return tuple(dict.fromkeys(notes))


def _parse_spaces(
    request: TrainRequest, problems: list[str], *, whole_ranges: bool
) -> dict[str, Space]:
    """The space of each arm by its name, or one space under ""; appends to `problems`."""
    spaces: dict[str, Space] = {}
    components = _components_of_arms(request)
    for arm, settings in (request.arms or {"": request.settings}).items():
        try:
            spaces[arm] = parse_space(
                settings,
                whole_ranges=whole_ranges,
                signatures=find_signature,
                components=components,
            )
        except ConfigError as error:
            problems += [_with_arm_prefix(arm, problem) for problem in error.problems]
    return spaces


def _components_of_arms(request: TrainRequest) -> Space:
    """The user code of all arms, whose arguments the arms may share, by field."""
    spaces: list[Space] = []
    for settings in request.arms.values():
        try:
            spaces.append(
                parse_space(
                    {name: settings[name] for name in settings.keys() & ARGUMENT_COMPONENTS}
                )
            )
        except ConfigError:
            continue  # the arm itself is reported
    return merge_spaces(spaces)


def _initial_trials(sampler: Sampler, space: Space, db: str | None) -> tuple[TrialSpec, ...]:
    """The trials that a sampler begins with, after every choice of the space was checked.

    Raises:
        ConfigError: the trials have different objectives, or a choice is not valid.
    """
    corners = sampler_options.check_sampler_space(sampler, space, make_expander(db))
    objective = _common_objective({trial.config.objective for trial in corners})
    if objective is None:
        raise ConfigError(["--sampler needs one objective for all trials: --objective sets it"])
    return suggest_trials(sampler, space, objective, (), make_expander(db, shared=space))


def _common_objective(objectives: Collection[str | None]) -> Objective | None:
    """The objective that all share, None where there is none or several."""
    only = next(iter(objectives)) if len(objectives) == 1 else None
    return Objective.parse(only) if only else None


def _find_decays(
    request: TrainRequest, trials_by_arm: dict[str, tuple[TrialSpec, ...]], db: str | None
) -> dict[str, str]:
    """Replaces the trials of the arms whose decay is found by find-decay; notes by their name."""
    if request.decay_source is None:
        return {}
    notes = {}
    for arm in request.decay_source.arms:
        found = find_decays(request.decay_source, trials_by_arm[arm], db)
        trials_by_arm[arm], notes[arm] = found.trials, found.note
    return notes


def _with_arm_prefix(arm: str, problem: str) -> str:
    return f"arm {arm}: {problem}" if arm else problem


def _expand_arms(
    spaces: Mapping[str, Space], shared: Collection[str], db: str | None
) -> dict[str, tuple[TrialSpec, ...]]:
    """The trials of each arm, by its name.

    Args:
        spaces: the space of each arm.
        shared: fields that all arms share; they may have no effect on some of them.
        db: the database that holds the runs which `--from` names.

    Raises:
        ConfigError: a combination of values is not valid; all problems at once.
    """
    expand = make_expander(db, shared=shared)
    trials: dict[str, tuple[TrialSpec, ...]] = {}
    problems: list[str] = []
    for arm, space in spaces.items():
        try:
            trials[arm] = expand(space)
            for trial in trials[arm]:
                parse_codes(trial.config.stop_on)
        except ConfigError as error:
            problems += [_with_arm_prefix(arm, problem) for problem in error.problems]
        except UnknownName as error:
            problems.append(_with_arm_prefix(arm, f"--stop-on: {error.message}"))
    if problems:
        raise ConfigError(problems)
    return trials
