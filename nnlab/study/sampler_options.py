"""`--sampler` and what goes with it: from what was typed to what a study keeps."""

from collections.abc import Callable, Mapping
from typing import Any

from nnlab.catalogue import find_choice
from nnlab.config.ranges import is_range, parse_range
from nnlab.config.space import Space, TrialSpec
from nnlab.errors import ConfigError, UnknownName
from nnlab.records import Sampler, Scalar
from nnlab.search import check_sampler, sampled_domains
from nnlab.study.next_trials import DEFAULT_TRIALS_PER_CALL, is_adaptive

# As they are called in a TOML file; on the command line with dashes.
SAMPLER_KEYS = ("sampler", "trials", "sampler_seed", "at_once", "pruner")

MAX_TRIALS = 100_000


def parse_sampler(given: Mapping[str, Any]) -> Sampler | None:
    """The sampler that was asked for; None for the whole grid without a pruner.

    Args:
        given: what was typed, by `SAMPLER_KEYS`; what was not is left out.

    Raises:
        ConfigError: all that is wrong with it, at once.
    """
    problems: list[str] = []
    name = _parse_catalogue_name("sampler", given, "grid", problems)
    pruner = _parse_catalogue_name("pruner", given, "none", problems)
    options: dict[str, Scalar] = {}
    if name == "grid":
        problems += [
            f"--{key.replace('_', '-')} does nothing with --sampler grid, which tries every"
            " combination"
            for key in ("trials", "sampler_seed", "at_once")
            if key in given
        ]
    else:
        options["trials"] = _parse_whole_number("trials", given, None, problems)
        options["seed"] = _parse_whole_number("sampler_seed", given, 0, problems)
        if is_adaptive(Sampler(name)):
            options["at_once"] = _parse_whole_number(
                "at_once", given, DEFAULT_TRIALS_PER_CALL, problems
            )
        elif "at_once" in given:
            problems.append(f"--at-once does nothing with --sampler {name}, which learns nothing")
    if pruner != "none":
        options["pruner"] = pruner
    if problems:
        raise ConfigError(problems)
    return Sampler(name, options) if name != "grid" or options else None


def _parse_catalogue_name(
    kind: str, given: Mapping[str, Any], default: str, problems: list[str]
) -> str:
    name = str(given.get(kind, default))
    try:
        return find_choice(kind, name).name
    except UnknownName as error:
        problems.append(f"--{kind}: {error.message}")
        return default


def _parse_whole_number(
    key: str, given: Mapping[str, Any], default: int | None, problems: list[str]
) -> int | None:
    flag = f"--{key.replace('_', '-')}"
    value = given.get(key, default)
    least = 0 if key == "sampler_seed" else 1
    if value is None:
        problems.append(f"{flag} is missing: how many trials the sampler may choose")
    elif isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MAX_TRIALS:
        problems.append(f"{flag} must be from {least} to {MAX_TRIALS:,}, got {value!r}")
    else:
        return value
    return None


def check_sampler_space(
    sampler: Sampler, space: Space, expand: Callable[[Space], tuple[TrialSpec, ...]]
) -> tuple[TrialSpec, ...]:
    """Checks that every choice holds, at the low end of each range; gives those trials.

    Raises:
        ConfigError: nothing is left to choose, the sampler cannot work with it, or values that do
            not hold together.
        UsageError: a package is missing.
    """
    domains = sampled_domains(space)
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
