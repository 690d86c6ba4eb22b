"""Parses the sampler options of a request (`--sampler`, `--trials`, ...) for `build_study_spec`."""

from collections.abc import Mapping
from typing import Any

from nnlab.catalogue import find_choice
from nnlab.errors import ConfigError, UnknownName
from nnlab.records import Sampler, Scalar
from nnlab.search import check_sampler, sampled_domains
from nnlab.settings.ranges import is_range, parse_range
from nnlab.settings.space import Space, TrialSpec
from nnlab.study.expansion import ExpandSpace
from nnlab.study.next_trials import DEFAULT_TRIALS_PER_CALL, is_adaptive

# Keys of a TOML file; the options of the command line have dashes instead of underscores.
SAMPLER_KEYS = ("sampler", "trials", "sampler_seed", "at_once", "pruner")

MAX_TRIALS = 100_000


def parse_sampler(values: Mapping[str, Any]) -> Sampler | None:
    """The sampler of a request; None for the whole grid without a pruner.

    Args:
        values: the options by `SAMPLER_KEYS`, without those that are not set.

    Raises:
        ConfigError: invalid options; all problems at once.
    """
    problems: list[str] = []
    name = _parse_catalogue_name("sampler", values, "grid", problems)
    pruner = _parse_catalogue_name("pruner", values, "none", problems)
    options: dict[str, Scalar] = {}
    if name == "grid":
        problems += [
            f"--{key.replace('_', '-')} does nothing with --sampler grid, which tries every"
            " combination"
            for key in ("trials", "sampler_seed", "at_once")
            if key in values
        ]
    else:
        options["trials"] = _parse_whole_number("trials", values, None, problems)
        options["seed"] = _parse_whole_number("sampler_seed", values, 0, problems)
        if is_adaptive(Sampler(name)):
            options["at_once"] = _parse_whole_number(
                "at_once", values, DEFAULT_TRIALS_PER_CALL, problems
            )
        elif "at_once" in values:
            problems.append(f"--at-once does nothing with --sampler {name}, which is not adaptive")
    if pruner != "none":
        options["pruner"] = pruner
    if problems:
        raise ConfigError(problems)
    return Sampler(name, options) if name != "grid" or options else None


def _parse_catalogue_name(
    kind: str, values: Mapping[str, Any], default: str, problems: list[str]
) -> str:
    """The value of an option that names an entry of a catalogue; appends to `problems`."""
    name = str(values.get(kind, default))
    try:
        return find_choice(kind, name).name
    except UnknownName as error:
        problems.append(f"--{kind}: {error.message}")
        return default


def _parse_whole_number(
    key: str, values: Mapping[str, Any], default: int | None, problems: list[str]
) -> int | None:
    """The value of an option that is a whole number; None, and a message, if it is not valid."""
    flag = f"--{key.replace('_', '-')}"
    value = values.get(key, default)
    minimum = 0 if key == "sampler_seed" else 1
    if value is None:
        problems.append(f"{flag} is missing: the number of trials that the sampler may choose")
    elif (
        isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= MAX_TRIALS
    ):
        problems.append(f"{flag} must be from {minimum} to {MAX_TRIALS:,}, got {value!r}")
    else:
        return value
    return None


def check_sampler_space(
    sampler: Sampler, space: Space, expand: ExpandSpace
) -> tuple[TrialSpec, ...]:
    """Checks every combination of choices, with the low end of each range.

    Returns:
        The trials of these combinations.

    Raises:
        ConfigError: the space has no range, the sampler does not support it, or a combination is
            not a valid setting.
        UsageError: the sampler needs a package that is not installed.
    """
    domains = sampled_domains(space)
    if not domains:
        raise ConfigError(
            [f"--sampler {sampler.name} has nothing to choose: give a range, as --lr 1e-4..1e-1"]
        )
    check_sampler(sampler.name, domains)
    corners = {
        name: (parse_range(name, str(choices[0])).low,) if is_range(name, choices[0]) else choices
        for name, choices in space.items()
    }
    return expand(corners)
