"""Search spaces: parsing of `a,b,c` and `lo..hi`, expansion into trials, labels of settings.

A space maps fields of RunConfig to their values. A range expands to values:

>>> parse_values("lr", "1e-3..1e-1")
(0.001, 0.01, 0.1)
>>> parse_values("depth", "1..4")
(1, 2, 3, 4)
>>> parse_values("dropout", "0..0.5:3")
(0.0, 0.25, 0.5)
"""

import itertools
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

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
# Fields whose value may be a comma or a semicolon itself.
_MARK_FIELDS = ("csv_sep", "csv_decimal", "csv_thousands")


@dataclass(frozen=True, slots=True)
class TrialSpec:
    """One trial of a space: its resolved config (with seed 0), its setting and its digest.

    `notes` describe how its data was read.
    """

    config: RunConfig
    setting: Setting
    digest: str
    notes: tuple[str, ...] = field(default=(), compare=False)


def parse_values(name: str, values: object, *, whole_ranges: bool = False) -> tuple[Scalar, ...]:
    """The values of one field, in order and without duplicates.

    Args:
        name: a field of RunConfig.
        values: text with commas and ranges, a single value or a list of values.
        whole_ranges: keep the text of a range without a number of values instead of expanding it.

    Raises:
        ConfigError: invalid values; the message lists all problems.
    """
    items = values if isinstance(values, list | tuple) else _split_items(name, values)
    parsed: list[Scalar] = []
    problems: list[str] = []
    for item in items:
        try:
            parsed += _parse_item(name, item, whole_ranges)
        except ConfigError as error:
            problems += error.problems
        except UnknownName as error:
            problems.append(f"{setting_fields()[name].flag}: {error.message}")
    if not items:
        problems.append(f"{setting_fields()[name].flag} needs a value")
    if whole_ranges and len(parsed) > 1 and any(is_range(name, value) for value in parsed):
        problems.append(
            f"{setting_fields()[name].flag}: a sampled range cannot be combined with other values;"
            " lo..hi:N expands it to N values"
        )
    if problems:
        raise ConfigError(problems)
    return tuple(dict.fromkeys(parsed))


def _parse_item(name: str, item: object, whole_ranges: bool) -> Sequence[Scalar]:
    if not is_range(name, item):
        return [parse_value(name, item)]
    value_range = parse_range(name, str(item))
    if whole_ranges and value_range.count is None:
        return [str(value_range)]
    return [parse_value(name, value) for value in value_range.values()]


def _split_items(name: str, values: object) -> Sequence[object]:
    # A path may contain commas; all other texts are split at commas or semicolons.
    if not isinstance(values, str) or (name in _PATH_FIELDS and ":" in values):
        return [values]
    if name in _MARK_FIELDS and len(values) == 1:
        return [values]
    separator = ";" if setting_fields()[name].option.commas else ","
    return [part.strip() for part in values.split(separator)]


def parse_space(values: Mapping[str, object], *, whole_ranges: bool = False) -> Space:
    """The space of a mapping from fields to values; see `parse_values`.

    Raises:
        ConfigError: unknown fields or invalid values; the message lists all problems.
    """
    space: dict[str, tuple[Scalar, ...]] = {}
    problems: list[str] = []
    names = set(setting_fields()) - {"seed"}
    for name, field_values in values.items():
        if name not in names:
            problems.append(unknown_key_message("setting", name, names))
            continue
        try:
            space[name] = parse_values(name, field_values, whole_ranges=whole_ranges)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return space


def parse_seeds(values: object) -> tuple[int, ...]:
    """The seeds of a text (`0,1,2`, `0..4`) or a list, without duplicates.

    >>> parse_seeds("0,3..5")
    (0, 3, 4, 5)
    """
    return tuple(int(seed) for seed in parse_values("seed", values) if seed is not None)


def duplicate_value_notes(values: Mapping[str, object]) -> tuple[str, ...]:
    """Notes about ranges with fewer distinct values than requested, such as `depth 1..4:9`.

    Args:
        values: texts or lists by field, already validated by `parse_space`.
    """
    notes = []
    for name, items in values.items():
        for item in items if isinstance(items, list | tuple) else _split_items(name, items):
            if not is_range(name, item):
                continue
            value_range = parse_range(name, str(item))
            count = len(set(value_range.values()))
            if value_range.count is not None and count < value_range.count:
                flag = setting_fields()[name].flag
                notes.append(f"{flag} {item}: {count} different values, not {value_range.count}")
    return tuple(notes)


def expand_space(
    space: Space,
    facts: Callable[[RunConfig], DataFacts],
    *,
    versions: Callable[[RunConfig], Mapping[str, str | None]] = lambda _: {},
    start_version: Callable[[str], str | None] = lambda _: None,
    shared: Collection[str] = (),
) -> tuple[TrialSpec, ...]:
    """The trials of a space: its Cartesian product, resolved, checked and without duplicates.

    Fields without effect are removed from a trial, so `--decay none,exp --decay-rate 0.1,0.2`
    gives three trials, not four.

    Args:
        space: values by field; all other fields keep their default.
        facts: properties of the data set of a config.
        versions: the argument of `resolve` for a config that names user code or a split file.
        start_version: SHA-256 of the initial weights, by the value of `start_from`.
        shared: fields that may have no effect here because other arms of the study use them.

    Raises:
        ConfigError: invalid combinations, or a field that has no effect in any of them.
        UsageError: more than `MAX_TRIALS` trials.
    """
    size = math.prod(len(values) for values in space.values())
    if size > MAX_TRIALS:
        raise UsageError(
            f"the space has {size:,} combinations, more than {MAX_TRIALS:,}",
            hint="list fewer values, or split the question into several studies",
        )
    trials: dict[str, TrialSpec] = {}
    problems: dict[str, None] = {}
    unused = set(space) - set(shared)
    for values in itertools.product(*space.values()):
        config = RunConfig(**dict(zip(space, values, strict=True)))  # type: ignore[arg-type]
        try:
            data_facts = facts(config)
            resolved = resolve(
                config,
                data_facts,
                versions=versions(config),
                start_version=start_version(config.start_from) if config.start_from else None,
            )
        except ConfigError as error:
            problems.update(dict.fromkeys(error.problems))
            continue
        unused -= {name for name in unused if has_effect(resolved, name)}
        setting = setting_of(resolved)
        digest = digest_of(setting)
        trials.setdefault(digest, TrialSpec(resolved, setting, digest, data_facts.notes))
    if not problems:
        configs = [trial.config for trial in trials.values()]
        problems.update(dict.fromkeys(_no_effect_problem(configs, name) for name in sorted(unused)))
    if problems:
        raise ConfigError(list(problems))
    return tuple(trials.values())


def _no_effect_problem(configs: Sequence[RunConfig], name: str) -> str:
    field = setting_fields()[name]
    kind = field.option.default_from or ""
    choices = ", ".join(dict.fromkeys(str(getattr(config, kind)) for config in configs))
    return f"{field.flag} has no effect with {setting_fields()[kind].flag} {choices}"


def differing_fields(settings: Sequence[Setting]) -> tuple[str, ...]:
    """The fields whose values differ between settings, in the order of RunConfig.

    >>> differing_fields([{"opt": "sgd", "lr": 0.1}, {"opt": "adam", "lr": 0.1}])
    ('opt',)
    """
    names = dict.fromkeys(name for setting in settings for name in setting)
    differ = [name for name in names if len({_value_or_default(name, s) for s in settings}) > 1]
    # The fields of a stored setting are not in the order of RunConfig.
    order = {name: index for index, name in enumerate(setting_fields())}
    return tuple(sorted(differ, key=lambda name: order.get(name, len(order))))


def _value_or_default(name: str, setting: Setting) -> Scalar:
    """The value of a field; a setting stored before the field existed has its default."""
    if name in setting or name not in setting_fields():
        return setting.get(name)
    has_default, default = default_for_setting(name, setting)
    return default if has_default else None


def distinguishing_fields(settings: Sequence[Setting]) -> tuple[str, ...]:
    """The fields that differ by a choice of the user, not by a default that follows from one.

    Hashes of files are excluded: users neither choose nor read them.

    >>> adam = {"opt": "adam", "lr": 0.001, "beta1": 0.9}
    >>> distinguishing_fields([adam, {"opt": "sgd", "lr": 0.1, "momentum": 0.0}])
    ('opt',)
    >>> distinguishing_fields([adam, {"opt": "sgd", "lr": 0.5, "momentum": 0.0}])
    ('opt', 'lr')
    """
    fields = setting_fields()
    names = [name for name in differing_fields(settings) if name not in VERSION_FIELDS]
    # Different data sets may have different tasks, and different defaults that depend on the task.
    by_task = "data" in names

    def is_derived(name: str, setting: Setting) -> bool:
        if by_task and is_task_default(name, setting):
            return True
        kind = fields[name].option.default_from
        if kind is None or kind not in setting:
            return False
        has_default, default = default_for_setting(name, setting)
        return setting.get(name) == (default if has_default else None)

    return tuple(
        name
        for name in names
        if name not in fields or not all(is_derived(name, setting) for setting in settings)
    )


def setting_label(setting: Setting, fields: Sequence[str]) -> str:
    """A short label of a setting made of some of its fields.

    >>> setting_label({"opt": "adam", "lr": 0.001, "momentum": None}, ["opt", "lr", "momentum"])
    'opt=adam lr=0.001'
    """
    return " ".join(
        f"{name}={format_value(setting[name])}" for name in fields if setting.get(name) is not None
    )


def format_value(value: Scalar) -> str:
    """A value as text, exact: different values never have the same text.

    >>> format_value(1e-3), format_value(0.1000001), format_value(True), format_value(None)
    ('0.001', '0.1000001', 'yes', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return format_exact(value) if isinstance(value, float) else str(value)
