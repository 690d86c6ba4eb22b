"""Train requests: the options of `nnlab train` and `init-study`, merged with a TOML file."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nnlab.errors import ConfigError, UsageError, unknown_key_message
from nnlab.io.files import read_limited
from nnlab.settings import is_setting_name, setting_fields
from nnlab.settings.space import parse_seeds, parse_values
from nnlab.study import sampler_options
from nnlab.study.arms import arm_settings, pretrain_settings, table_fields
from nnlab.study.decay_source import (
    FIND_DECAY_KEY,
    DecaySource,
    parse_decay_source,
    without_found_decays,
)
from nnlab.study.device_arms import required_devices
from nnlab.study.run_names import reads_as_number

# Keys of a TOML file that are not fields of a setting.
_STUDY_KEYS = (
    *("study", "question", "claim", "name", "tags", "seeds", "arm", "decide", "pretrain"),
    *("subclaim", "pilot", "published", FIND_DECAY_KEY),
    *sampler_options.SAMPLER_KEYS,
)

MAX_SEEDS = 10_000
MAX_CONFIG_BYTES = 16 << 20  # of a TOML file
_MAX_NAME_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """What the user asks for: settings as typed, and the study, names and seeds that go with them.

    Attributes:
        settings: values by field, as text or as TOML values; a value may be a list or a range.
        study: the name of the study.
        question: the question that the study answers.
        name: the name of the runs.
        tags: the tags of the runs.
        seed: a list of seeds, as text.
        seeds: a number of seeds, counted from 0.
        claim: the claim that the comparisons test.
        arms: the complete settings of each arm, by its name.
        comparisons: the `[[decide]]` tables of a TOML file.
        subclaims: the `[[subclaim]]` tables of a TOML file.
        pilot: the `[pilot]` table of a TOML file.
        published: the `[[published]]` tables of a TOML file.
        pretrain: the settings of the runs whose weights arms start from, if there are any.
        decay_source: the runs in which find-decay finds the decay of arms, if there are any.
        required_devices: the device that an arm requires, by the name of the arm.
        sampler: options of the sampler, by `sampler_options.SAMPLER_KEYS`.
        extend: whether all of this is added to an existing study.
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
    comparisons: tuple[Mapping[str, Any], ...] = ()
    subclaims: tuple[Mapping[str, Any], ...] = ()
    pilot: Mapping[str, Any] | None = None
    published: tuple[Mapping[str, Any], ...] = ()
    pretrain: Mapping[str, Any] | None = None
    decay_source: DecaySource | None = None
    required_devices: Mapping[str, str] = field(default_factory=dict)
    sampler: Mapping[str, Any] = field(default_factory=dict)
    extend: bool = False

    @property
    def has_seeds(self) -> bool:
        """True when seeds were given."""
        return self.seed is not None or self.seeds is not None

    @property
    def has_fixed_space(self) -> bool:
        """True when more than settings and seeds was given: the study has a fixed space."""
        return bool(self.question or self.claim or self.arms or self.comparisons or self.sampler)

    @property
    def has_settings_or_seeds(self) -> bool:
        """True when a setting or seeds were given, not only the name of a study."""
        return bool(self.settings) or bool(self.arms) or self.has_seeds


def merge_config_file(path: Path | None, request: TrainRequest) -> TrainRequest:
    """The request with the values of a TOML file added; values of the request take precedence.

    Raises:
        UsageError: the file is missing or is not valid TOML.
        ConfigError: unknown keys or values of the wrong type; all problems at once.
    """
    if path is None:
        return request
    table = _read_config_file(path)
    problems = _table_problems(path, table)
    base = {key: value for key, value in table.items() if is_setting_name(key)}
    study = request.study or table.get("study")
    try:
        arms = arm_settings(table, base, request.settings, study)
        devices = required_devices(table)
        decay_source = parse_decay_source(table, arms, base, request.settings, study)
    except ConfigError as error:
        problems += [f"{path}: {problem}" for problem in error.problems]
    if problems:
        raise ConfigError(problems)
    listed_seeds = table.get("seeds") if isinstance(table.get("seeds"), list | str) else None
    seed = table.get("seed", listed_seeds)
    return TrainRequest(
        settings=base | dict(request.settings),
        study=study,
        question=request.question or table.get("question"),
        name=request.name or table.get("name"),
        tags=request.tags or tuple(table.get("tags", ())),
        seed=request.seed if request.has_seeds else seed,
        seeds=request.seeds if request.has_seeds or seed is not None else table.get("seeds"),
        claim=table.get("claim", ""),
        arms=without_found_decays(arms),
        comparisons=tuple(table.get("decide", ())),
        subclaims=tuple(table.get("subclaim", ())),
        pilot=table.get("pilot"),
        published=tuple(table.get("published", ())),
        pretrain=pretrain_settings(table, request.settings),
        decay_source=decay_source,
        required_devices=devices,
        sampler={key: table[key] for key in sampler_options.SAMPLER_KEYS if key in table}
        | dict(request.sampler),
        extend=request.extend,
    )


def _read_config_file(path: Path) -> dict[str, Any]:
    """The content of a TOML file, by field.

    Raises:
        UsageError: the file is missing or is not valid TOML.
    """
    try:
        content = tomllib.loads(read_limited(path, MAX_CONFIG_BYTES).decode())
    except FileNotFoundError:
        raise UsageError(f"--config {path}: no such file") from None
    except OSError as error:
        raise UsageError(f"--config {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        # `model = "wm.py:Net"` and `model.width = 8` cannot both define the key `model`.
        is_argument_table = "Cannot overwrite" in str(error) or "Cannot declare" in str(error)
        raise UsageError(
            f"--config {path} is not valid TOML: {error}",
            hint='write an argument of your own code as "model.width" = 8, with the quotes'
            if is_argument_table
            else None,
        ) from None
    return table_fields(content)


def _table_problems(path: Path, table: Mapping[str, Any]) -> list[str]:
    """What is wrong with the keys of a TOML file and the types of those that are not settings."""
    allowed = {*setting_fields(), *_STUDY_KEYS}
    problems = [
        f"{path}: {unknown_key_message('key', key, allowed)}"
        for key in table
        if key not in allowed and not is_setting_name(key)
    ]
    problems += [
        f"{path}: {key} must be text, got {table[key]!r}"
        for key in ("study", "question", "claim", "name")
        if key in table and not isinstance(table[key], str)
    ]
    problems += [
        f"{path}: {key} is written as [[{key}]] tables, got {table[key]!r}"
        for key in ("decide", "subclaim", "published")
        if not _are_tables(table.get(key, []))
    ]
    if not isinstance(table.get("pilot", {}), dict):
        problems.append(f"{path}: pilot is written as a [pilot] table, got {table['pilot']!r}")
    tags = table.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        problems.append(f"{path}: tags must be a list of texts, got {tags!r}")
    seeds = table.get("seeds", 1)
    if isinstance(seeds, bool) or not isinstance(seeds, int | list | str):
        problems.append(f"{path}: seeds must be a number or a list, got {seeds!r}")
    return problems


def _are_tables(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def seeds_of(request: TrainRequest) -> tuple[int, ...]:
    """The seeds of a request; by default one per fold of a cross-validation, otherwise seed 0.

    Raises:
        ConfigError: a seed is out of range, or seeds are both listed and counted.
    """
    if request.seed is not None and request.seeds is not None:
        raise ConfigError(["--seed lists seeds and --seeds counts them: give one of them"])
    if not request.has_seeds and (folds := _number_of_folds(request.settings)) is not None:
        return tuple(range(folds))
    if request.seeds is None:
        return parse_seeds(request.seed if request.seed is not None else 0)
    if not 1 <= request.seeds <= MAX_SEEDS:
        raise ConfigError([f"--seeds must be from 1 to {MAX_SEEDS:,}, got {request.seeds}"])
    return tuple(range(request.seeds))


def _number_of_folds(settings: Mapping[str, Any]) -> int | None:
    """The value of `folds`, if it is set to one valid value.

    An invalid value is reported with the problems of the other settings.
    """
    try:
        values = parse_values("folds", settings["folds"]) if "folds" in settings else ()
    except ConfigError:
        return None
    return int(values[0]) if len(values) == 1 and values[0] is not None else None


def numeric_name_message(option: str, name: str) -> str:
    """The message about a name that could be mistaken for the number of a run."""
    return (
        f"{option} {name!r} could be mistaken for the number of a run, or of several: use a name"
        " with letters, as lr-2"
    )


def check_names(request: TrainRequest) -> None:
    """Checks the names and tags of a request.

    Raises:
        ConfigError: one is empty, too long, not printable, or could be the number of a run.
    """
    check_run_names(request.study, request.name, request.tags)


def check_run_names(study: str | None, name: str | None, tags: Sequence[str]) -> None:
    """Checks the name of a study, and the name and tags of runs.

    Raises:
        ConfigError: one is empty, too long, not printable, or could be the number of a run.
    """
    names = [("--study", study), ("--name", name)]
    names += [("--tag", tag) for tag in tags]
    problems = [
        f"{option} must be 1 to {_MAX_NAME_CHARACTERS} printable characters, got {text!r}"
        for option, text in names
        if text is not None
        and not (0 < len(text.strip()) <= _MAX_NAME_CHARACTERS and text.isprintable())
    ]
    if name is not None and reads_as_number(name):
        problems.append(numeric_name_message("--name", name))
    if problems:
        raise ConfigError(problems)
