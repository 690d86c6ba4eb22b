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
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from nnlab.config import (
    VERSION_FIELDS,
    DataFacts,
    RunConfig,
    default_for_setting,
    digest_of,
    has_effect,
    is_task_default,
    parse_value,
    resolve,
    setting_fields,
    setting_of,
)
from nnlab.config.ranges import is_range, parse_range
from nnlab.errors import ConfigError, UnknownName, UsageError, unknown_key_message
from nnlab.objective import Scalar, Setting, format_exact

Space = Mapping[str, tuple[Scalar, ...]]

MAX_TRIALS = 100_000

_PATH_FIELDS = ("data", "start_from")


@dataclass(frozen=True, slots=True)
class TrialSpec:
    """One trial of a space: its resolved config (seed 0), setting and digest."""

    config: RunConfig
    setting: Setting
    digest: str


def parse_values(name: str, given: object, *, whole_ranges: bool = False) -> tuple[Scalar, ...]:
    """The values that were asked of one field, in order, without doubles.

    Args:
        name: a field of RunConfig.
        given: text with commas and ranges, a single value or a list of them.
        whole_ranges: leave a range that does not say how many values it has as it is: its text.

    Raises:
        ConfigError: what is wrong with each value, all at once.
    """
    items = given if isinstance(given, list | tuple) else _split_items(name, given)
    values: list[Scalar] = []
    problems: list[str] = []
    for item in items:
        try:
            values += _parse_item(name, item, whole_ranges)
        except ConfigError as error:
            problems += error.problems
        except UnknownName as error:
            problems.append(f"{setting_fields()[name].flag}: {error.message}")
    if not items:
        problems.append(f"{setting_fields()[name].flag} needs a value")
    if whole_ranges and len(values) > 1 and any(is_range(name, value) for value in values):
        problems.append(
            f"{setting_fields()[name].flag}: a range that is sampled stands alone;"
            " lo..hi:N makes N values of it"
        )
    if problems:
        raise ConfigError(problems)
    return tuple(dict.fromkeys(values))


def _parse_item(name: str, item: object, whole_ranges: bool) -> Sequence[Scalar]:
    if not is_range(name, item):
        return [parse_value(name, item)]
    found = parse_range(name, str(item))
    if whole_ranges and found.count is None:
        return [str(found)]
    return [parse_value(name, value) for value in found.values()]


def _split_items(name: str, given: object) -> Sequence[object]:
    # A path may hold a comma; every other value is split at its commas, or semicolons.
    if not isinstance(given, str) or (name in _PATH_FIELDS and ":" in given):
        return [given]
    return [
        part.strip() for part in given.split(";" if setting_fields()[name].option.commas else ",")
    ]


def parse_space(given: Mapping[str, object], *, whole_ranges: bool = False) -> Space:
    """Reads the values of every field given; see `parse_values`.

    Raises:
        ConfigError: all that is wrong with all of them.
    """
    space: dict[str, tuple[Scalar, ...]] = {}
    problems: list[str] = []
    known = setting_fields()
    for name, values in given.items():
        if name not in known or name == "seed":
            problems.append(unknown_key_message("setting", name, set(known) - {"seed"}))
            continue
        try:
            space[name] = parse_values(name, values, whole_ranges=whole_ranges)
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
    return tuple(int(seed) for seed in parse_values("seed", given) if seed is not None)


def duplicate_value_notes(given: Mapping[str, object]) -> tuple[str, ...]:
    """What to say of ranges that have fewer different values than were asked for: `depth 1..4:9`.

    Args:
        given: text or lists by field, as for `parse_space`, which has accepted them.
    """
    notes = []
    for name, values in given.items():
        for item in values if isinstance(values, list | tuple) else _split_items(name, values):
            if not is_range(name, item):
                continue
            asked = parse_range(name, str(item))
            count = len(set(asked.values()))
            if asked.count is not None and count < asked.count:
                flag = setting_fields()[name].flag
                notes.append(f"{flag} {item}: {count} different values, not {asked.count}")
    return tuple(notes)


def expand_space(
    space: Space,
    facts: Callable[[str], DataFacts],
    *,
    model_version: Callable[[str], str | None] = lambda _: None,
    start_version: Callable[[str], str | None] = lambda _: None,
    shared: Collection[str] = (),
) -> tuple[TrialSpec, ...]:
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
        UsageError: more than `MAX_TRIALS` trials.
    """
    size = math.prod(len(values) for values in space.values())
    if size > MAX_TRIALS:
        raise UsageError(
            f"the space has {size:,} combinations, more than {MAX_TRIALS:,}",
            hint="list fewer values, or split the question into several studies",
        )
    points: dict[str, TrialSpec] = {}
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
        idle -= {name for name in idle if has_effect(resolved, name)}
        setting = setting_of(resolved)
        digest = digest_of(setting)
        points.setdefault(digest, TrialSpec(resolved, setting, digest))
    if not problems:
        problems.update(dict.fromkeys(_no_effect_problem(space, name) for name in sorted(idle)))
    if problems:
        raise ConfigError(list(problems))
    return tuple(points.values())


def _no_effect_problem(space: Space, name: str) -> str:
    choosable = setting_fields()[name]
    kind = choosable.option.of or ""
    chosen = space.get(kind, (setting_fields()[kind].default,))
    told = ", ".join(map(str, chosen))
    return f"{choosable.flag} does nothing with {setting_fields()[kind].flag} {told}"


def differing_fields(settings: Sequence[Setting]) -> tuple[str, ...]:
    """The fields in which settings differ, in the order of RunConfig.

    >>> differing([{"opt": "sgd", "lr": 0.1}, {"opt": "adam", "lr": 0.1}])
    ('opt',)
    """
    names = dict.fromkeys(name for setting in settings for name in setting)
    differ = [name for name in names if len({_value_or_default(name, s) for s in settings}) > 1]
    # Settings that come back from the database have lost their order.
    order = {name: place for place, name in enumerate(setting_fields())}
    return tuple(sorted(differ, key=lambda name: order.get(name, len(order))))


def _value_or_default(name: str, setting: Setting) -> Scalar:
    """A field of a setting; one stored before the field was there has its default."""
    if name in setting or name not in setting_fields():
        return setting.get(name)
    named, default = default_for_setting(name, setting)
    return default if named else None


def distinguishing_fields(settings: Sequence[Setting]) -> tuple[str, ...]:
    """The fields in which settings differ by choice, not by a default of what was chosen.

    Hashes of a file's content are left out: nobody chose them, and nobody can read them.

    >>> adam = {"opt": "adam", "lr": 0.001, "beta1": 0.9}
    >>> telling([adam, {"opt": "sgd", "lr": 0.1, "momentum": 0.0}])
    ('opt',)
    >>> telling([adam, {"opt": "sgd", "lr": 0.5, "momentum": 0.0}])
    ('opt', 'lr')
    """
    known = setting_fields()
    names = [name for name in differing_fields(settings) if name not in VERSION_FIELDS]
    # Where data sets differ, so may their tasks, and what follows from these.
    by_task = "data" in names

    def follows(name: str, setting: Setting) -> bool:
        if by_task and is_task_default(name, setting):
            return True
        kind = known[name].option.of
        if kind is None or kind not in setting:
            return False
        named, default = default_for_setting(name, setting)
        return setting.get(name) == (default if named else None)

    return tuple(
        name
        for name in names
        if name not in known or not all(follows(name, setting) for setting in settings)
    )


def setting_label(setting: Setting, fields: Sequence[str]) -> str:
    """A short name for a setting by some of its fields.

    >>> label({"opt": "adam", "lr": 0.001, "momentum": None}, ["opt", "lr", "momentum"])
    'opt=adam lr=0.001'
    """
    return " ".join(
        f"{name}={format_value(setting[name])}" for name in fields if setting.get(name) is not None
    )


def format_value(value: Scalar) -> str:
    """A value as a reader wants it, exact: two settings never look the same.

    >>> shown(1e-3), shown(0.1000001), shown(True), shown(None)
    ('0.001', '0.1000001', 'yes', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return format_exact(value) if isinstance(value, float) else str(value)
