"""The fields in which settings differ, and texts of settings made of them."""

from collections.abc import Mapping, Sequence

from nnlab.objective import Scalar, Setting, format_exact
from nnlab.settings import (
    MEASUREMENT_FIELDS,
    VERSION_FIELDS,
    ExternalName,
    default_for_setting,
    is_builtin_setting,
    is_builtin_value,
    is_task_default,
    setting_fields,
)
from nnlab.settings.arguments import split_argument
from nnlab.settings.earlier_settings import implied_value
from nnlab.settings.external import SCRIPT_VERSION_NAME

# A value in a label is not longer.
_MAX_LABEL_VALUE = 60
_LINE_BREAKS = str.maketrans({"\n": "\\n", "\r": "\\r", "\t": "\\t"})


def differing_fields(settings: Sequence[Setting]) -> tuple[str, ...]:
    """The fields whose values differ between settings, in the order of RunConfig.

    >>> differing_fields([{"opt": "sgd", "lr": 0.1}, {"opt": "adam", "lr": 0.1}])
    ('opt',)
    """
    names = _all_names(settings)
    differ = [name for name in names if len({_value_or_default(name, s) for s in settings}) > 1]
    # The fields of a stored setting are not in the order of RunConfig; arguments follow the field
    # whose value they belong to.
    order = {name: index for index, name in enumerate(setting_fields())}
    return tuple(sorted(differ, key=lambda name: _position(name, order)))


def _position(name: str, order: Mapping[str, int]) -> int:
    known = not isinstance(name, ExternalName)
    return order.get(split_argument(name)[0], len(order)) if known else len(order)


def _all_names(settings: Sequence[Setting]) -> dict[str, None]:
    """All names of settings; those of other programs are marked."""
    names: dict[str, None] = {}
    for setting in settings:
        if is_builtin_setting(setting):
            names |= dict.fromkeys(setting)
        else:
            names |= {name if name in names else ExternalName(name): None for name in setting}
    return names


def _value_or_default(name: str, setting: Setting) -> Scalar:
    """The value of a field; a setting stored before the field existed has the one it implies."""
    if name in setting or name not in setting_fields() or not is_builtin_setting(setting):
        return setting.get(name)
    kind = setting_fields()[name].option.default_from
    if kind is not None and not is_builtin_value(kind, setting.get(kind)):
        return None  # a list of runs neither needs nor imports their plugins
    has_effect, implied = implied_value(name, setting)
    return implied if has_effect else None


def distinguishing_fields(settings: Sequence[Setting]) -> tuple[str, ...]:
    """The fields that differ by a choice of the user, not by a default that follows from one.

    Hashes of files and versions of plugins are excluded: users neither choose nor read them. So are
    measured metrics, which do not affect the training.

    >>> adam = {"opt": "adam", "lr": 0.001, "beta1": 0.9}
    >>> distinguishing_fields([adam, {"opt": "sgd", "lr": 0.1, "momentum": 0.0}])
    ('opt',)
    >>> distinguishing_fields([adam, {"opt": "sgd", "lr": 0.5, "momentum": 0.0}])
    ('opt', 'lr')
    """
    fields = setting_fields()
    excluded = (*VERSION_FIELDS, *MEASUREMENT_FIELDS, SCRIPT_VERSION_NAME)
    external = {name for setting in settings if not is_builtin_setting(setting) for name in setting}
    external.discard(SCRIPT_VERSION_NAME)
    names = [
        name for name in differing_fields(settings) if name not in excluded or name in external
    ]
    # Different data sets may have different tasks, and different defaults that depend on the task.
    by_task = "data" in names

    def is_derived(name: str, setting: Setting) -> bool:
        if not is_builtin_setting(setting):
            return False
        if by_task and is_task_default(name, setting):
            return True
        kind = fields[name].option.default_from
        if kind is None:
            return False
        if kind not in setting:
            return name not in setting  # neither has an effect with the model
        if not is_builtin_value(kind, setting[kind]):
            # The defaults of a plugin are unknown without importing it, so a value follows from
            # the plugin if all settings with the plugin have it.
            same_plugin = (other for other in settings if other.get(kind) == setting[kind])
            return all(other.get(name) == setting.get(name) for other in same_plugin)
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
    shorten = str if is_builtin_setting(setting) else _shortened
    return " ".join(
        f"{name}={shorten(format_value(setting[name]))}"
        for name in fields
        if setting.get(name) is not None
    )


def _shortened(text: str) -> str:
    """A text that fits into a table: other programs also have prompts and lists as settings."""
    return text if len(text) <= _MAX_LABEL_VALUE else text[: _MAX_LABEL_VALUE - 3] + "..."


def format_value(value: Scalar) -> str:
    """A value as text, exact: different values never have the same text.

    >>> format_value(1e-3), format_value(0.1000001), format_value(True), format_value(None)
    ('0.001', '0.1000001', 'yes', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value.translate(_LINE_BREAKS)
    return format_exact(value) if isinstance(value, float) else str(value)
