"""From what was typed, and a TOML file, to what is to be trained."""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from nnlab.cli.open_database import open_db, search_data_near_database
from nnlab.config import setting_fields
from nnlab.config.space import (
    Space,
    TrialSpec,
    duplicate_value_notes,
    expand_space,
    parse_seeds,
    parse_space,
)
from nnlab.diagnose.codes import parse_codes
from nnlab.engine.data import dataset_facts
from nnlab.engine.user_code import model_version
from nnlab.errors import ConfigError, NoDatabase, UnknownName, UsageError, unknown_key_message
from nnlab.io.files import read_limited
from nnlab.io.text import format_count
from nnlab.records import Arm, Comparison, Objective, Sampler
from nnlab.search import NON_ADAPTIVE_SAMPLERS
from nnlab.study import sampler_options
from nnlab.study.arms import arm_settings, merge_spaces, pretrain_settings, table_fields
from nnlab.study.comparisons import parse_comparisons
from nnlab.study.next_trials import ExpandSpace, suggest_trials
from nnlab.study.run_names import reads_as_number
from nnlab.workers.initial_weights import find_initial_weights

# Keys of a TOML file beside those of a setting.
_STUDY_KEYS = (
    *("study", "question", "claim", "name", "tags", "seeds", "arm", "decide", "pretrain"),
    *sampler_options.SAMPLER_KEYS,
)

MAX_SEEDS = 10_000
MAX_CONFIG_BYTES = 16 << 20  # of a TOML file


@dataclass(frozen=True, slots=True)
class StudySpec:
    """What is to be trained: trials and seeds, and the study they belong to, if one is named.

    With a sampler that learns, `points` are the trials that it begins with.
    """

    study: str | None
    question: str
    name: str | None
    tags: tuple[str, ...]
    space: Space
    points: tuple[TrialSpec, ...]
    seeds: tuple[int, ...]
    claim: str = ""
    arms: tuple[Arm, ...] = ()
    decides: tuple[Comparison, ...] = ()
    sampler: Sampler | None = None

    @property
    def objective(self) -> Objective | None:
        """What all trials select by, or None where they do not agree."""
        found = {point.config.objective for point in self.points}
        return _common_objective(found)


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """What was typed: options by field, as text, and the words about the study.

    `arms` are the settings of each arm by its name, whole; `pretrain` those of the runs whose
    weights arms begin with, None where there are none. `sampler` is what was typed of
    `sampling.KEYS`. With `extend` all of it is added to a study that exists.
    """

    settings: Mapping[str, Any]
    study: str | None = None
    question: str | None = None
    name: str | None = None
    tags: tuple[str, ...] = ()
    seed: str | None = None
    seeds: int | None = None
    claim: str = ""
    arms: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    decides: tuple[Mapping[str, Any], ...] = ()
    pretrain: Mapping[str, Any] | None = None
    sampler: Mapping[str, Any] = field(default_factory=dict)
    extend: bool = False

    @property
    def has_seeds(self) -> bool:
        """True when seeds were given."""
        return self.seed is not None or self.seeds is not None

    @property
    def has_fixed_space(self) -> bool:
        """True when more than settings and seeds was given: the study has a fixed space."""
        return bool(self.question or self.claim or self.arms or self.decides or self.sampler)

    @property
    def has_settings_or_seeds(self) -> bool:
        """True when a setting or seeds were given, not only a study's name."""
        return bool(self.settings) or bool(self.arms) or self.has_seeds


def merge_config_file(path: Path | None, typed: TrainRequest) -> TrainRequest:
    """Adds what a TOML file says; what was typed goes first.

    Raises:
        UsageError: the file is missing or no TOML.
        ConfigError: keys that are none, all at once.
    """
    if path is None:
        return typed
    try:
        content = tomllib.loads(read_limited(path, MAX_CONFIG_BYTES).decode())
    except FileNotFoundError:
        raise UsageError(f"--config {path}: no such file") from None
    except OSError as error:
        raise UsageError(f"--config {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"--config {path} is no valid TOML: {error}") from None
    given = table_fields(content)
    known = {*setting_fields(), *_STUDY_KEYS}
    problems = [
        f"{path}: {unknown_key_message('key', key, known)}" for key in given if key not in known
    ] + _study_problems(path, given)
    base = {k: v for k, v in given.items() if k in setting_fields() and k != "seed"}
    study = typed.study or given.get("study")
    try:
        arms = arm_settings(given, base, typed.settings, study)
    except ConfigError as error:
        problems += [f"{path}: {problem}" for problem in error.problems]
    if problems:
        raise ConfigError(problems)
    seeds_typed = typed.has_seeds
    seed = given.get("seed", given.get("seeds") if _is_list(given.get("seeds")) else None)
    return TrainRequest(
        settings=base | dict(typed.settings),
        study=study,
        question=typed.question or given.get("question"),
        name=typed.name or given.get("name"),
        tags=typed.tags or tuple(given.get("tags", ())),
        seed=typed.seed if seeds_typed else seed,
        seeds=typed.seeds if seeds_typed or seed is not None else given.get("seeds"),
        claim=given.get("claim", ""),
        arms=arms,
        decides=tuple(given.get("decide", ())),
        pretrain=pretrain_settings(given, typed.settings),
        sampler={k: given[k] for k in sampler_options.SAMPLER_KEYS if k in given}
        | dict(typed.sampler),
        extend=typed.extend,
    )


def _is_list(value: object) -> bool:
    return isinstance(value, list | str)


def _study_problems(path: Path, given: Mapping[str, Any]) -> list[str]:
    problems = [
        f"{path}: {key} must be text, got {given[key]!r}"
        for key in ("study", "question", "claim", "name")
        if key in given and not isinstance(given[key], str)
    ]
    tags = given.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        problems.append(f"{path}: tags must be a list of texts, got {tags!r}")
    seeds = given.get("seeds", 1)
    if isinstance(seeds, bool) or not isinstance(seeds, int | list | str):
        problems.append(f"{path}: seeds must be a number or a list, got {seeds!r}")
    return problems


def build_study_spec(typed: TrainRequest, *, db: str | None = None) -> StudySpec:
    """Reads, multiplies out and checks what was typed; `db` is where `--from` finds its runs.

    Raises:
        ConfigError: all that is wrong with it, at once.
        DataError: a data file that cannot be used.
    """
    problems: list[str] = []
    seeds: tuple[int, ...] = ()
    spaces: dict[str, Space] = {}
    sampler = None
    try:
        seeds = seeds_of(typed)
    except ConfigError as error:
        problems += error.problems
    try:
        sampler = sampler_options.parse_sampler(typed.sampler)
    except ConfigError as error:
        problems += error.problems
    samples = sampler is not None and sampler.name != "grid"
    if samples and typed.arms:
        problems.append("--sampler chooses among all settings, and arms are compared whole")
    for arm, settings in (typed.arms or {"": typed.settings}).items():
        try:
            spaces[arm] = parse_space(settings, whole_ranges=samples)
        except ConfigError as error:
            problems += [_with_arm_prefix(arm, problem) for problem in error.problems]
    try:
        check_names(typed)
    except ConfigError as error:
        problems += error.problems
    decides = parse_comparisons(typed.decides, tuple(typed.arms), problems)
    if problems:
        raise ConfigError(problems)
    if sampler is not None and samples:
        points = {"": _initial_trials(sampler, spaces[""], db)}
    else:
        points = _expand_arms(spaces, typed.settings if typed.arms else (), db)
    arms = tuple(
        Arm(arm, tuple(point.digest for point in found)) for arm, found in points.items() if arm
    )
    every = {point.digest: point for found in points.values() for point in found}
    return StudySpec(
        typed.study,
        typed.question or "",
        typed.name,
        typed.tags,
        merge_spaces(list(spaces.values())),
        tuple(every.values()),
        seeds,
        typed.claim,
        arms,
        decides,
        sampler,
    )


def shortfall_notes(typed: TrainRequest, plan: StudySpec) -> tuple[str, ...]:
    """What to say where there are fewer seeds, values or trials than were asked for."""
    notes: list[str] = []
    for settings in typed.arms.values() if typed.arms else (typed.settings,):
        notes += duplicate_value_notes(settings)
    notes += duplicate_value_notes({"seed": typed.seed}) if typed.seed is not None else ()
    if plan.sampler is not None and plan.sampler.name in NON_ADAPTIVE_SAMPLERS:
        asked = int(plan.sampler.options["trials"] or 0)
        if len(plan.points) < asked:
            notes.append(
                f"the space has {format_count(len(plan.points), 'different trial')},"
                f" not the {asked:,} of --trials"
            )
    return tuple(dict.fromkeys(notes))


def _initial_trials(sampler: Sampler, space: Space, db: str | None) -> tuple[TrialSpec, ...]:
    """What a sampler begins with, after all that it may choose was found to hold."""
    corners = sampler_options.check_sampler_space(sampler, space, make_expander(db))
    objective = _common_objective({point.config.objective for point in corners})
    if objective is None:
        raise ConfigError(["--sampler needs one objective for all trials: --objective sets it"])
    return suggest_trials(sampler, space, objective, (), make_expander(db, shared=space))


def _common_objective(objectives: Collection[str | None]) -> Objective | None:
    """The one objective there is, None where there is none or several."""
    only = next(iter(objectives)) if len(objectives) == 1 else None
    return Objective.parse(only) if only else None


def _with_arm_prefix(arm: str, problem: str) -> str:
    return f"arm {arm}: {problem}" if arm else problem


def _expand_arms(
    spaces: Mapping[str, Space], shared: Collection[str], db: str | None
) -> dict[str, tuple[TrialSpec, ...]]:
    """The trials of each arm, each data set and file looked at once."""
    expand_one = make_expander(db, shared=shared)
    found: dict[str, tuple[TrialSpec, ...]] = {}
    problems: list[str] = []
    for arm, space in spaces.items():
        try:
            found[arm] = expand_one(space)
            for point in found[arm]:
                parse_codes(point.config.stop_on)
        except ConfigError as error:
            problems += [_with_arm_prefix(arm, problem) for problem in error.problems]
        except UnknownName as error:
            problems.append(_with_arm_prefix(arm, f"--stop-on: {error.message}"))
    if problems:
        raise ConfigError(problems)
    return found


def make_expander(db: str | None, *, shared: Collection[str] = ()) -> ExpandSpace:
    """What multiplies spaces out; each data set and file is looked at once.

    Args:
        db: where `--from` finds its runs.
        shared: fields that may do nothing.
    """
    search_data_near_database(db)
    return partial(
        expand_space,
        facts=cache(dataset_facts),
        model_version=model_version,
        start_version=cache(partial(_initial_weights_version, db)),
        shared=shared,
    )


def _initial_weights_version(db: str | None, start_from: str) -> str:
    try:
        with open_db(db) as database:
            return find_initial_weights(database, start_from).version
    except NoDatabase:
        return find_initial_weights(None, start_from).version


def seeds_of(typed: TrainRequest) -> tuple[int, ...]:
    """The seeds to train with; seed 0 where none were given.

    Raises:
        ConfigError: a seed out of range, or seeds both listed and counted.
    """
    if typed.seed is not None and typed.seeds is not None:
        raise ConfigError(["--seed lists seeds and --seeds counts them: give one of them"])
    if typed.seeds is None:
        return parse_seeds(typed.seed if typed.seed is not None else 0)
    if not 1 <= typed.seeds <= MAX_SEEDS:
        raise ConfigError([f"--seeds must be from 1 to {MAX_SEEDS:,}, got {typed.seeds}"])
    return tuple(range(typed.seeds))


def numeric_name_message(option: str, name: str) -> str:
    """What is wrong with a name that reads as a number."""
    return (
        f"{option} {name!r} reads as the number of a run, or as several: use a name with letters,"
        " as lr-2"
    )


def check_names(typed: TrainRequest) -> None:
    """Checks the names that were typed.

    Raises:
        ConfigError: one is empty, too long, not printable, or reads as the number of a run.
    """
    words = [("--study", typed.study), ("--name", typed.name)]
    words += [("--tag", tag) for tag in typed.tags]
    problems = [
        f"{option} must be 1 to 200 printable characters, got {word!r}"
        for option, word in words
        if word is not None and not (0 < len(word.strip()) <= 200 and word.isprintable())
    ]
    if typed.name is not None and reads_as_number(typed.name):
        problems.append(numeric_name_message("--name", typed.name))
    if problems:
        raise ConfigError(problems)
