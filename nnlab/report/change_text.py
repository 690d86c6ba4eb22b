# ruff: noqa: RUF001, RUF002  a removed feature has a minus sign
"""Changes of a setting in words, as ablation tables list them."""

from nnlab.config import default_for_setting, setting_fields
from nnlab.config.setting_differences import format_value
from nnlab.errors import UnknownName
from nnlab.figures.draw.display_names import setting_name
from nnlab.objective import Scalar, Setting


def change_text(field: str, base: Setting, changed: Setting) -> str:
    """The change of one field of a base setting: something added, removed or replaced.

    >>> base = {"norm": "none", "dropout": 0.3, "lr": 0.1, "opt": "sgd"}
    >>> change_text("norm", base, {"norm": "batch"})
    '+ batch normalisation'
    >>> change_text("dropout", base, {"dropout": 0.0})
    '− dropout 0.3'
    >>> change_text("lr", base, {"lr": 0.01})
    'learning rate 0.01 instead of 0.1'
    """
    old, new = base.get(field), changed.get(field)
    if _is_off(field, old, base) and not _is_off(field, new, changed):
        return f"+ {_phrase(field, new)}"
    if _is_off(field, new, changed) and not _is_off(field, old, base):
        return f"− {_phrase(field, old)}"
    name = _field_name(field)
    return f"{name} {format_value(new) or 'none'} instead of {format_value(old) or 'none'}"


def _is_off(field: str, value: Scalar, setting: Setting) -> bool:
    """Whether a value switches the feature of a field off, as `none` and a default of 0 do."""
    if value in (None, "", "none") or value is False:
        return True
    if value != 0 or field not in setting_fields() or field.endswith("seed"):
        return False
    try:
        has_default, default = default_for_setting(field, setting)
    except (KeyError, UnknownName):
        return True  # the choice that defines the default is unknown
    return not has_default or default == 0


def _phrase(field: str, value: Scalar) -> str:
    """A value with the name of its field, such as `batch normalisation` or `dropout 0.3`."""
    name = _field_name(field)
    if value is True:
        return name
    if isinstance(value, str):
        return f"{value.replace('_', ' ')} {name}"
    return f"{name} {format_value(value)}"


def _field_name(field: str) -> str:
    """The name of a field within a sentence, without its unit."""
    name = setting_name(field).partition(" (")[0]
    return name if name[1:2].isupper() or name[1:2].isdigit() else name[:1].lower() + name[1:]
