"""Spaces of settings: `a,b,c` and `lo..hi` read, multiplied out and checked as one.

A space maps fields of RunConfig to the values that each may take. A range becomes values:

>>> values_of("lr", "1e-3..1e-1")
(0.001, 0.01, 0.1)
>>> values_of("depth", "1..4")
(1, 2, 3, 4)
>>> values_of("dropout", "0..0.5:3")
(0.0, 0.25, 0.5)
"""

import itertools
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from nnlab.config import (
    DataFacts,
    RunConfig,
    choosables,
    default_in,
    digest_of,
    matters,
    parse_value,
    resolve,
    setting_of,
)
from nnlab.errors import ConfigError, UnknownName, UsageError, unknown_name
from nnlab.objective import Scalar, Setting

Space = Mapping[str, tuple[Scalar, ...]]

MOST_TRIALS = 100_000

_PATHS = ("data", "start_from")

_RANGE = re.compile(r"^(?P<low>[^.:]*\.?[^.:]*)\.\.(?P<high>[^:]+)(?P<how>(?::[a-z0-9]+)*)$")


@dataclass(frozen=True, slots=True)
class Point:
    """One trial of a space: its resolved config (seed 0), setting and digest."""

    config: RunConfig
    setting: Setting
    digest: str


def values_of(name: str, given: object) -> tuple[Scalar, ...]:
    """The values that were asked of one field, in order, without doubles.

    Args:
        name: a field of RunConfig.
        given: text with commas and ranges, a single value or a list of them.

    Raises:
        ConfigError: what is wrong with each value, all at once.
    """
    items = given if isinstance(given, list | tuple) else _split(name, given)
    values: list[Scalar] = []
    problems: list[str] = []
    for item in items:
        try:
            values += _span(name, item) if _is_range(name, item) else [parse_value(name, item)]
        except ConfigError as error:
            problems += error.problems
        except UnknownName as error:
            problems.append(f"{choosables()[name].flag}: {error.message}")
    if not items:
        problems.append(f"{choosables()[name].flag} needs a value")
    if problems:
        raise ConfigError(problems)
    return tuple(dict.fromkeys(values))


def _split(name: str, given: object) -> Sequence[object]:
    # A path may hold a comma; every other value is split at its commas, or semicolons.
    if not isinstance(given, str) or (name in _PATHS and ":" in given):
        return [given]
    return [part.strip() for part in given.split(";" if choosables()[name].option.commas else ",")]


def _is_range(name: str, item: object) -> bool:
    numeric = choosables()[name].base in (int, float)
    return numeric and isinstance(item, str) and _RANGE.match(item) is not None


def _span(name: str, text: object) -> list[Scalar]:
    """`lo..hi[:N][:log|:lin]`: log by itself when it spans two decades or more."""
    flag = choosables()[name].flag
    match = _RANGE.match(str(text))
    assert match is not None
    low, high = (parse_value(name, match[end]) for end in ("low", "high"))
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    words = [word for word in match["how"].split(":") if word]
    unknown = [word for word in words if not word.isdigit() and word not in ("log", "lin")]
    if unknown or len(words) > 2:
        raise ConfigError(
            [f"{flag} {text}: a range is lo..hi, lo..hi:N, lo..hi:log or lo..hi:N:lin"]
        )
    if not low < high:
        raise ConfigError([f"{flag} {text}: a range rises, but {low:g} is not below {high:g}"])
    log = "log" in words or ("lin" not in words and low > 0 and high / low >= 100)
    if log and low <= 0:
        raise ConfigError([f"{flag} {text}: a log range starts above 0, got {low:g}"])
    whole = choosables()[name].base is int
    count = next((int(word) for word in words if word.isdigit()), None)
    if count is None:
        count = _count(low, high, log=log, whole=whole)
    if not 2 <= count <= 1000:
        raise ConfigError([f"{flag} {text}: a range has 2 to 1000 values, got {count}"])
    return [parse_value(name, round(v) if whole else v) for v in _spaced(low, high, count, log=log)]


def _count(low: float, high: float, *, log: bool, whole: bool) -> int:
    """How many values a range has that does not say: one a decade, each integer, or five."""
    if log:
        return round(math.log10(high / low)) + 1
    if whole and high - low < 20:
        return int(high - low) + 1
    return 5


def _spaced(low: float, high: float, count: int, *, log: bool) -> list[float]:
    steps = [i / (count - 1) for i in range(count)]
    if log:
        raw = [math.exp(math.log(low) + s * (math.log(high) - math.log(low))) for s in steps]
    else:
        raw = [low + s * (high - low) for s in steps]
    # 0.01, not 0.010000000000000002: what is shown is what is trained.
    return [low, *(float(f"{value:.6g}") for value in raw[1:-1]), high]


def parse_space(given: Mapping[str, object]) -> Space:
    """Reads the values of every field given.

    Raises:
        ConfigError: all that is wrong with all of them.
    """
    space: dict[str, tuple[Scalar, ...]] = {}
    problems: list[str] = []
    known = choosables()
    for name, values in given.items():
        if name not in known or name == "seed":
            problems.append(unknown_name("setting", name, set(known) - {"seed"}))
            continue
        try:
            space[name] = values_of(name, values)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return space


def parse_seeds(given: object) -> tuple[int, ...]:
    """Seeds listed: `0,1,2`, `0..4` or a list; no doubles.

    >>> parse_seeds("0,3..5")
    (0, 3, 4, 5)
    """
    return tuple(int(seed) for seed in values_of("seed", given) if seed is not None)


def expand(
    space: Space,
    facts: Callable[[str], DataFacts],
    *,
    model_version: Callable[[str], str | None] = lambda _: None,
    start_version: Callable[[str], str | None] = lambda _: None,
    shared: Collection[str] = (),
) -> tuple[Point, ...]:
    """Multiplies a space out to its trials, each resolved, checked and named once.

    Fields that do nothing in a trial are dropped from it, so `--decay none,exp
    --decay-rate 0.1,0.2` makes three trials, not four.

    Args:
        space: values by field; fields not named keep their default.
        facts: what is known of a data set, by its name.
        model_version: SHA-256 of a user model's file, by the model's name.
        start_version: SHA-256 of the weights begun with, by what names them.
        shared: fields that may do nothing here, for other arms of the study have them too.

    Raises:
        ConfigError: combinations that do not hold, or a field that does nothing in any.
        UsageError: more than `MOST_TRIALS` trials.
    """
    size = math.prod(len(values) for values in space.values())
    if size > MOST_TRIALS:
        raise UsageError(
            f"the space has {size:,} combinations, more than {MOST_TRIALS:,}",
            hint="list fewer values, or split the question into several studies",
        )
    points: dict[str, Point] = {}
    problems: dict[str, None] = {}
    idle = set(space) - set(shared)
    for values in itertools.product(*space.values()):
        config = RunConfig(**dict(zip(space, values, strict=True)))  # type: ignore[arg-type]
        try:
            resolved = resolve(
                config,
                facts(config.data),
                model_version=model_version(config.model),
                start_version=start_version(config.start_from) if config.start_from else None,
            )
        except ConfigError as error:
            problems.update(dict.fromkeys(error.problems))
            continue
        idle -= {name for name in idle if matters(resolved, name)}
        setting = setting_of(resolved)
        digest = digest_of(setting)
        points.setdefault(digest, Point(resolved, setting, digest))
    if not problems:
        problems.update(dict.fromkeys(_idle_problem(space, name) for name in sorted(idle)))
    if problems:
        raise ConfigError(list(problems))
    return tuple(points.values())


def _idle_problem(space: Space, name: str) -> str:
    choosable = choosables()[name]
    kind = choosable.option.of or ""
    chosen = space.get(kind, (choosables()[kind].default,))
    told = ", ".join(map(str, chosen))
    return f"{choosable.flag} does nothing with {choosables()[kind].flag} {told}"


def differing(settings: Sequence[Setting]) -> tuple[str, ...]:
    """The fields in which settings differ, in the order of RunConfig.

    >>> differing([{"opt": "sgd", "lr": 0.1}, {"opt": "adam", "lr": 0.1}])
    ('opt',)
    """
    names = dict.fromkeys(name for setting in settings for name in setting)
    differ = [name for name in names if len({_value(name, s) for s in settings}) > 1]
    # Settings that come back from the database have lost their order.
    order = {name: place for place, name in enumerate(choosables())}
    return tuple(sorted(differ, key=lambda name: order.get(name, len(order))))


def _value(name: str, setting: Setting) -> Scalar:
    """A field of a setting; one stored before the field was there has its default."""
    if name in setting or name not in choosables():
        return setting.get(name)
    named, default = default_in(name, setting)
    return default if named else None


def telling(settings: Sequence[Setting]) -> tuple[str, ...]:
    """The fields in which settings differ by choice, not by a default of what was chosen.

    >>> adam = {"opt": "adam", "lr": 0.001, "beta1": 0.9}
    >>> telling([adam, {"opt": "sgd", "lr": 0.1, "momentum": 0.0}])
    ('opt',)
    >>> telling([adam, {"opt": "sgd", "lr": 0.5, "momentum": 0.0}])
    ('opt', 'lr')
    """
    known = choosables()

    def follows(name: str, setting: Setting) -> bool:
        kind = known[name].option.of
        if kind is None or kind not in setting:
            return False
        named, default = default_in(name, setting)
        return setting.get(name) == (default if named else None)

    return tuple(
        name
        for name in differing(settings)
        if name not in known or not all(follows(name, setting) for setting in settings)
    )


def label(setting: Setting, fields: Sequence[str]) -> str:
    """A short name for a setting by some of its fields.

    >>> label({"opt": "adam", "lr": 0.001, "momentum": None}, ["opt", "lr", "momentum"])
    'opt=adam lr=0.001'
    """
    return " ".join(
        f"{name}={shown(setting[name])}" for name in fields if setting.get(name) is not None
    )


def shown(value: Scalar) -> str:
    """A value as a reader wants it: 0.001, not 0.0010000000.

    >>> shown(1e-3), shown(True), shown(None)
    ('0.001', 'yes', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
