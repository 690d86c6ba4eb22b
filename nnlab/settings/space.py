"""Search spaces: parsing of `a,b,c` and `lo..hi`, and expansion into trials.

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
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from nnlab.catalogue.tasks import DEFINED_BY_TASK
from nnlab.errors import ConfigError, UnknownName, UsageError, unknown_key_message
from nnlab.objective import Scalar, Setting
from nnlab.settings import (
    MEASUREMENT_FIELDS,
    DataFacts,
    RunConfig,
    digest_of,
    has_effect,
    resolve,
    setting_fields,
    setting_of,
)
from nnlab.settings.arguments import (
    FindSignature,
    Parameter,
    declared_parameter,
    is_argument,
    no_signature,
    split_argument,
    takes_arguments,
)
from nnlab.settings.parsing import parse_field_value
from nnlab.settings.ranges import is_field_range, parse_field_range
from nnlab.settings.registry import SettingField, argument_field, build_config, setting_field
from nnlab.settings.user_task import is_user_task

Space = Mapping[str, tuple[Scalar, ...]]

MAX_TRIALS = 100_000

_PATH_FIELDS = ("data", "start_from")
# Fields whose value is a list: the items belong to one trial.
_LIST_FIELDS = ("metrics",)
# Fields whose value may be a comma or a semicolon itself.
_MARK_FIELDS = ("csv_sep", "csv_decimal", "csv_thousands", "target_separator")

# Components whose option is an abbreviation, in words.
_COMPONENT_NOUNS = {"opt": "optimizer", "decay": "schedule"}

# Separators of the values of an argument; the commas inside of `[2,2]` belong to a list.
_OUTSIDE_BRACKETS = re.compile(r"[,;](?![^\[]*\])")


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
    return _parse_field_values(setting_field(name), values, whole_ranges=whole_ranges)


def _parse_field_values(
    field: SettingField, values: object, *, whole_ranges: bool
) -> tuple[Scalar, ...]:
    if field.name in _LIST_FIELDS and isinstance(values, list):
        values = ",".join(map(str, values))
    items = values if isinstance(values, list | tuple) else _split_items(field, values)
    parsed: list[Scalar] = []
    problems: list[str] = []
    for item in items:
        try:
            parsed += _parse_item(field, item, whole_ranges)
        except ConfigError as error:
            problems += error.problems
        except UnknownName as error:
            problems.append(f"{field.flag}: {error.message}")
    if not items:
        problems.append(f"{field.flag} needs a value")
    if whole_ranges and len(parsed) > 1 and any(is_field_range(field, value) for value in parsed):
        problems.append(
            f"{field.flag}: a sampled range cannot be combined with other values;"
            " lo..hi:N expands it to N values"
        )
    if problems:
        raise ConfigError(problems)
    return tuple(dict.fromkeys(parsed))


def _parse_item(field: SettingField, item: object, whole_ranges: bool) -> Sequence[Scalar]:
    if not is_field_range(field, item):
        return [parse_field_value(field, item)]
    value_range = parse_field_range(field, str(item))
    if whole_ranges and value_range.count is None:
        return [str(value_range)]
    return [parse_field_value(field, value) for value in value_range.values()]


def _split_items(field: SettingField, values: object) -> Sequence[object]:
    # A path may contain commas; all other texts are split at commas or semicolons.
    is_path = field.name in _PATH_FIELDS and isinstance(values, str) and ":" in values
    if not isinstance(values, str) or is_path or field.name in _LIST_FIELDS:
        return [values]
    if isinstance(field.annotation, Parameter) and "[" in values:
        return [part.strip() for part in _OUTSIDE_BRACKETS.split(values)]
    if field.name in _MARK_FIELDS and len(values) == 1:
        return [values]
    separator = ";" if field.option.commas else ","
    return [part.strip() for part in values.split(separator)]


def parse_space(
    values: Mapping[str, object],
    *,
    whole_ranges: bool = False,
    signatures: FindSignature = no_signature,
    components: Mapping[str, Sequence[Scalar]] | None = None,
) -> Space:
    """The space of a mapping from fields to values; see `parse_values`.

    Args:
        values: texts or lists by field.
        whole_ranges: keep the text of a range; see `parse_values`.
        signatures: the signatures of user code, which define the types of its arguments.
        components: further values of the fields that arguments belong to: those of the study that
            is extended, or of other arms.

    Raises:
        ConfigError: unknown fields or invalid values; the message lists all problems.
    """
    space: dict[str, tuple[Scalar, ...]] = {}
    problems: list[str] = []
    names = set(setting_fields()) - {"seed"}
    # Fields come before the arguments of their values.
    for name, field_values in sorted(values.items(), key=lambda item: is_argument(item[0])):
        if is_argument(name):
            if {split_argument(name)[0]} & (set(values) - set(space)):
                continue  # the value of its component is not valid
            try:
                field = _declared_field(name, space, components or {}, signatures)
                space[name] = _parse_field_values(field, field_values, whole_ranges=whole_ranges)
            except ConfigError as error:
                problems += error.problems
            continue
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


def _declared_field(
    name: str,
    space: Space,
    components: Mapping[str, Sequence[Scalar]],
    signatures: FindSignature,
) -> SettingField:
    """The field of an argument of the user code that a space selects.

    Raises:
        ConfigError: the space selects no user code, or none with such a parameter.
    """
    component, parameter = split_argument(name)
    default = (setting_fields()[component].default,)
    values = (
        tuple(dict.fromkeys((*space.get(component, ()), *components.get(component, ())))) or default
    )
    user_code = [str(value) for value in values if takes_arguments(component, str(value))]
    if not user_code:
        option = setting_fields().get(parameter)
        raise ConfigError(
            [
                f"--{name} has no effect with {_component_text(component, values)}: it sets"
                f" an argument of your own {_COMPONENT_NOUNS.get(component, component)}"
                + (f"; use {option.flag}" if option is not None else "")
            ]
        )
    declared = {value: signatures(component, value, True) for value in user_code}
    return argument_field(name, declared_parameter(name, declared))


def _component_text(component: str, values: Sequence[Scalar]) -> str:
    """A component and its values as options; None is the default, which depends on the data."""
    names = ", ".join(str(value) for value in values if value is not None)
    return f"--{component} {names}" if names else f"the default of --{component}"


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
        field = setting_field(name)
        for item in items if isinstance(items, list | tuple) else _split_items(field, items):
            if not is_field_range(field, item):
                continue
            value_range = parse_field_range(field, str(item))
            count = len(set(value_range.values()))
            if value_range.count is not None and count < value_range.count:
                notes.append(
                    f"{field.flag} {item}: {count} different values, not {value_range.count}"
                )
    return tuple(notes)


def expand_space(
    space: Space,
    facts: Callable[[RunConfig], DataFacts],
    *,
    versions: Callable[[RunConfig], Mapping[str, str | None]] = lambda _: {},
    start_version: Callable[[str], str | None] = lambda _: None,
    signatures: FindSignature = no_signature,
    shared: Collection[str] = (),
    split_file_problems: Callable[[RunConfig, DataFacts], Sequence[str]] = lambda *_: (),
    output_problems: Callable[[RunConfig], Sequence[str]] = lambda _: (),
) -> tuple[TrialSpec, ...]:
    """The trials of a space: its Cartesian product, resolved, checked and without duplicates.

    Fields without effect are removed from a trial, so `--decay none,exp --decay-rate 0.1,0.2`
    gives three trials, not four.

    Args:
        space: values by field; all other fields keep their default.
        facts: properties of the data set of a config.
        versions: the argument of `resolve` for a config that names user code or a split file.
        start_version: SHA-256 of the initial weights, by the value of `start_from`.
        signatures: the signatures of user code.
        shared: fields that may have no effect here because other arms of the study use them.
        split_file_problems: what is wrong with the split file of a config.
        output_problems: what is wrong with the selected output of the model of a resolved config.

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
    file_problems: dict[str, None] = {}
    unused = set(space) - set(shared)
    for values in itertools.product(*space.values()):
        config = build_config(dict(zip(space, values, strict=True)))
        try:
            data_facts = facts(config)
            own_problems = split_file_problems(config, data_facts)
            file_problems.update(dict.fromkeys(own_problems))
            resolved = resolve(
                config,
                data_facts,
                # A file with problems may not even exist.
                versions={} if own_problems else versions(config),
                start_version=start_version(config.start_from) if config.start_from else None,
                signatures=signatures,
            )
        except ConfigError as error:
            problems.update(dict.fromkeys(error.problems))
            continue
        file_problems.update(dict.fromkeys(output_problems(resolved)))
        # Metrics that every run has are not stored, which is no error.
        unused -= {n for n in unused if has_effect(resolved, n, config) or n in MEASUREMENT_FIELDS}
        setting = setting_of(resolved)
        digest = digest_of(setting)
        trials.setdefault(digest, TrialSpec(resolved, setting, digest, data_facts.notes))
    if not problems:
        configs = [trial.config for trial in trials.values()]
        problems.update(
            dict.fromkeys(_no_effect_problem(configs, name, signatures) for name in sorted(unused))
        )
    problems.update(file_problems)
    if problems:
        raise ConfigError(list(problems))
    return tuple(trials.values())


def _no_effect_problem(configs: Sequence[RunConfig], name: str, signatures: FindSignature) -> str:
    field = setting_field(name)
    tasks = tuple(dict.fromkeys(config.task for config in configs if is_user_task(config)))
    kind = field.option.default_from
    if kind is None:
        names = ", ".join(map(str, tasks))
        return f"{field.flag} has no effect with --task {names}, which defines its own"
    needed = field.option.needs
    if needed is not None and all(getattr(config, needed) is None for config in configs):
        models = ", ".join(dict.fromkeys(config.model for config in configs))
        return (
            f"{field.flag} has no effect with --model {models},"
            f" which has no {setting_fields()[needed].flag}"
        )
    values = tuple(dict.fromkeys(str(getattr(config, kind)) for config in configs))
    flag = setting_fields()[kind].flag
    problem = f"{field.flag} has no effect with {flag} {', '.join(values)}"
    for value in values:
        if value == DEFINED_BY_TASK and tasks:
            return f"{problem}: --task {', '.join(map(str, tasks))} defines it"
        own = signatures(kind, value, False) if takes_arguments(kind, value) else None
        if own is not None and name in own.parameters:
            return f"{problem}; --{kind}.{name} sets the argument of {value}"
    return problem
