"""Fields that older stored settings lack, and whose default means something else today.

A setting without the field was trained with the earlier value, which is the value that leaves its
digest unchanged. See docs/decisions/0021.
"""

from collections.abc import Iterable, Mapping
from functools import cache

from nnlab.catalogue import CATALOGUES
from nnlab.objective import Scalar, Setting
from nnlab.settings.registry import default_for_setting, is_builtin_value, setting_fields


def implied_value(name: str, setting: Setting) -> tuple[bool, Scalar]:
    """Whether a field has an effect in a setting, and the value that it has if it is not stored.

    Args:
        name: a field of RunConfig.
        setting: contains at least the field that `name` belongs to.
    """
    has_default, default = default_for_setting(name, setting)
    return has_default, _earlier_values(setting).get(name, default) if has_default else default


def with_earlier_values(setting: Setting) -> Setting:
    """A stored setting with the earlier values of the fields that it lacks.

    >>> old = {"init": "xavier", "activation": "relu"}
    >>> with_earlier_values(old)["init_gain"]
    'activation'
    >>> with_earlier_values({**old, "init_gain": 1.0})["init_gain"]
    1.0
    """
    missing = {
        name: value
        for name, value in _earlier_values(setting).items()
        if name not in setting and default_for_setting(name, setting)[0]
    }
    return {**setting, **missing} if missing else setting


def has_earlier_value(name: str, setting: Setting) -> bool:
    """Whether a setting has the value of a field that was its default only in earlier versions."""
    values = _earlier_values(setting)
    return name in values and setting.get(name) == values[name]


def values_of_earlier_trials(settings: Iterable[Setting]) -> Mapping[str, Scalar]:
    """The earlier values that trials have, by field: new trials of their study need them too.

    Args:
        settings: of all trials of a study, as the store returns them.
    """
    return {
        name: value
        for setting in settings
        for name, value in _earlier_values(setting).items()
        if has_earlier_value(name, setting)
    }


def _earlier_values(setting: Setting) -> dict[str, Scalar]:
    values: dict[str, Scalar] = {}
    for kind, choices in _choices_with_earlier_values().items():
        if is_builtin_value(kind, setting.get(kind)):
            values.update(choices.get(str(setting.get(kind)), {}))
    return values


@cache
def _choices_with_earlier_values() -> Mapping[str, Mapping[str, Mapping[str, Scalar]]]:
    """The earlier values of all choices that have any: kind, name of the choice, field."""
    kinds = {field.option.default_from for field in setting_fields().values()} - {None}
    tables = {
        str(kind): {
            row.name: row.earlier_values for row in CATALOGUES[str(kind)] if row.earlier_values
        }
        for kind in kinds
        if kind in CATALOGUES
    }
    return {kind: rows for kind, rows in tables.items() if rows}
