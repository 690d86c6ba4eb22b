"""From what was typed, and a TOML file, to what is to be trained."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnlab.config import choosables
from nnlab.engine.data import facts
from nnlab.errors import ConfigError, UsageError, unknown_name
from nnlab.records import Objective
from nnlab.space import Point, Space, expand, parse_seeds, parse_space

# Keys of a TOML file beside those of a setting.
_STUDY_KEYS = ("study", "question", "name", "tags", "seeds")

MOST_SEEDS = 10_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be trained: trials and seeds, and the study they belong to, if one is named."""

    study: str | None
    question: str
    name: str | None
    tags: tuple[str, ...]
    space: Space
    points: tuple[Point, ...]
    seeds: tuple[int, ...]

    @property
    def objective(self) -> Objective | None:
        """What all trials select by, or None where they do not agree."""
        found = {point.config.objective for point in self.points}
        only = found.pop() if len(found) == 1 else None
        return Objective.parse(only) if only else None


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed: options by field, as text, and the words about the study."""

    settings: Mapping[str, Any]
    study: str | None = None
    question: str | None = None
    name: str | None = None
    tags: tuple[str, ...] = ()
    seed: str | None = None
    seeds: int | None = None

    @property
    def says_something(self) -> bool:
        """True when a setting or seeds were given, not only a study's name."""
        return bool(self.settings) or self.seed is not None or self.seeds is not None


def read_config(path: Path | None, typed: Typed) -> Typed:
    """Adds what a TOML file says; what was typed goes first.

    Raises:
        UsageError: the file is missing or no TOML.
        ConfigError: keys that are none, all at once.
    """
    if path is None:
        return typed
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"--config {path}: no such file") from None
    except OSError as error:
        raise UsageError(f"--config {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"--config {path} is no valid TOML: {error}") from None
    given = {key.replace("-", "_"): value for key, value in content.items()}
    known = {*choosables(), *_STUDY_KEYS}
    problems = [
        f"{path}: {unknown_name('key', key, known)}" for key in given if key not in known
    ] + _study_problems(path, given)
    if problems:
        raise ConfigError(problems)
    seeds_typed = typed.seed is not None or typed.seeds is not None
    seed = given.get("seed", given.get("seeds") if _is_list(given.get("seeds")) else None)
    return Typed(
        settings={k: v for k, v in given.items() if k in choosables() and k != "seed"}
        | dict(typed.settings),
        study=typed.study or given.get("study"),
        question=typed.question or given.get("question"),
        name=typed.name or given.get("name"),
        tags=typed.tags or tuple(given.get("tags", ())),
        seed=typed.seed if seeds_typed else seed,
        seeds=typed.seeds if seeds_typed or seed is not None else given.get("seeds"),
    )


def _is_list(value: object) -> bool:
    return isinstance(value, list | str)


def _study_problems(path: Path, given: Mapping[str, Any]) -> list[str]:
    problems = [
        f"{path}: {key} must be text, got {given[key]!r}"
        for key in ("study", "question", "name")
        if key in given and not isinstance(given[key], str)
    ]
    tags = given.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        problems.append(f"{path}: tags must be a list of texts, got {tags!r}")
    seeds = given.get("seeds", 1)
    if isinstance(seeds, bool) or not isinstance(seeds, int | list | str):
        problems.append(f"{path}: seeds must be a number or a list, got {seeds!r}")
    return problems


def plan_of(typed: Typed) -> Plan:
    """Reads, multiplies out and checks what was typed.

    Raises:
        ConfigError: all that is wrong with it, at once.
        DataError: a data file that cannot be used.
    """
    problems: list[str] = []
    space: Space = {}
    seeds: tuple[int, ...] = ()
    try:
        seeds = _seeds(typed)
    except ConfigError as error:
        problems += error.problems
    try:
        space = parse_space(typed.settings)
    except ConfigError as error:
        problems += error.problems
    try:
        check_words(typed)
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(problems)
    known = {name: facts(str(name)) for name in space.get("data", (choosables()["data"].default,))}
    points = expand(space, lambda name: known[name])
    return Plan(typed.study, typed.question or "", typed.name, typed.tags, space, points, seeds)


def _seeds(typed: Typed) -> tuple[int, ...]:
    if typed.seed is not None and typed.seeds is not None:
        raise ConfigError(["--seed lists seeds and --seeds counts them: give one of them"])
    if typed.seeds is None:
        return parse_seeds(typed.seed if typed.seed is not None else 0)
    if not 1 <= typed.seeds <= MOST_SEEDS:
        raise ConfigError([f"--seeds must be from 1 to {MOST_SEEDS:,}, got {typed.seeds}"])
    return tuple(range(typed.seeds))


def check_words(typed: Typed) -> None:
    """Checks the names that were typed.

    Raises:
        ConfigError: one is empty, too long, or not printable.
    """
    words = [("--study", typed.study), ("--name", typed.name)]
    words += [("--tag", tag) for tag in typed.tags]
    problems = [
        f"{option} must be 1 to 200 printable characters, got {word!r}"
        for option, word in words
        if word is not None and not (0 < len(word.strip()) <= 200 and word.isprintable())
    ]
    if problems:
        raise ConfigError(problems)
