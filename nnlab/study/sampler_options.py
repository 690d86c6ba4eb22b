"""`--sampler` and what goes with it: from what was typed to what a study keeps."""

from collections.abc import Callable, Mapping
from typing import Any

from nnlab.catalogue import lookup
from nnlab.config.ranges import is_range, parse_range
from nnlab.config.space import Point, Space
from nnlab.errors import ConfigError, UnknownName
from nnlab.records import Sampler, Scalar
from nnlab.search import check_sampler, domains_of
from nnlab.study.next_trials import AT_ONCE, learns

# As they are called in a TOML file; on the command line with dashes.
KEYS = ("sampler", "trials", "sampler_seed", "at_once", "pruner")

MOST_TRIALS = 100_000


def sampler_of(given: Mapping[str, Any]) -> Sampler | None:
    """The sampler that was asked for; None for the whole grid without a pruner.

    Args:
        given: what was typed, by `KEYS`; what was not is left out.

    Raises:
        ConfigError: all that is wrong with it, at once.
    """
    problems: list[str] = []
    name = _named("sampler", given, "grid", problems)
    pruner = _named("pruner", given, "none", problems)
    options: dict[str, Scalar] = {}
    if name == "grid":
        problems += [
            f"--{key.replace('_', '-')} does nothing with --sampler grid, which tries every"
            " combination"
            for key in ("trials", "sampler_seed", "at_once")
            if key in given
        ]
    else:
        options["trials"] = _whole("trials", given, None, problems)
        options["seed"] = _whole("sampler_seed", given, 0, problems)
        if learns(Sampler(name)):
            options["at_once"] = _whole("at_once", given, AT_ONCE, problems)
        elif "at_once" in given:
            problems.append(f"--at-once does nothing with --sampler {name}, which learns nothing")
    if pruner != "none":
        options["pruner"] = pruner
    if problems:
        raise ConfigError(problems)
    return Sampler(name, options) if name != "grid" or options else None


def _named(kind: str, given: Mapping[str, Any], default: str, problems: list[str]) -> str:
    name = str(given.get(kind, default))
    try:
        return lookup(kind, name).name
    except UnknownName as error:
        problems.append(f"--{kind}: {error.message}")
        return default


def _whole(
    key: str, given: Mapping[str, Any], default: int | None, problems: list[str]
) -> int | None:
    flag = f"--{key.replace('_', '-')}"
    value = given.get(key, default)
    least = 0 if key == "sampler_seed" else 1
    if value is None:
        problems.append(f"{flag} is missing: how many trials the sampler may choose")
    elif isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MOST_TRIALS:
        problems.append(f"{flag} must be from {least} to {MOST_TRIALS:,}, got {value!r}")
    else:
        return value
    return None


def check_space(
    sampler: Sampler, space: Space, expand: Callable[[Space], tuple[Point, ...]]
) -> tuple[Point, ...]:
    """Checks that every choice holds, at the low end of each range; gives those trials.

    Raises:
        ConfigError: nothing is left to choose, the sampler cannot work with it, or values that do
            not hold together.
        UsageError: a package is missing.
    """
    domains = domains_of(space)
    if not domains:
        raise ConfigError(
            [f"--sampler {sampler.name} has nothing to choose: give a range, as --lr 1e-4..1e-1"]
        )
    check_sampler(sampler.name, domains)
    corner = {
        name: (parse_range(name, str(values[0])).low,) if is_range(name, values[0]) else values
        for name, values in space.items()
    }
    return expand(corner)
