# ruff: noqa: RUF001, RUF002  a removed feature has a minus sign
"""Changes of a setting in words, as ablation tables list them."""

from nnlab.analysis.remedy_studies import REMEDY_FIELD
from nnlab.errors import UnknownName
from nnlab.figures.draw.display_names import setting_name, trial_name, value_name
from nnlab.objective import Scalar, Setting
from nnlab.settings import default_for_setting, setting_fields


def change_text(field: str, base: Setting, changed: Setting) -> str:
    """The change of one field of a base setting: something added, removed or replaced.

    >>> base = {"norm": "none", "dropout": 0.3, "lr": 0.1, "opt": "sgd"}
    >>> change_text("norm", base, {"norm": "batch"})
    '+ batch norm'
    >>> change_text("dropout", base, {"dropout": 0.0})
    '− dropout 0.3'
    >>> change_text("lr", base, {"lr": 0.01})
    'lr 0.01 instead of 0.1'
    >>> change_text("opt", base, {"opt": "adam"})
    'Adam instead of SGD'
    """
    old, new = base.get(field), changed.get(field)
    if field == REMEDY_FIELD:
        return str(new)
    if _is_off(field, old, base) and not _is_off(field, new, changed):
        return f"+ {trial_name(changed, [field])}"
    if _is_off(field, new, changed) and not _is_off(field, old, base):
        return f"− {trial_name(base, [field])}"
    new_name, old_name = _name(field, changed), _name(field, base)
    # The name of a field is not repeated: lr 0.01 instead of 0.1.
    prefix = new_name.removesuffix(value_name(field, new))
    is_field_name = prefix.endswith(" ") and old_name.startswith(prefix)
    return f"{new_name} instead of {old_name.removeprefix(prefix) if is_field_name else old_name}"


def _name(field: str, setting: Setting) -> str:
    """The value of a field with the name of the field, unless it is clear without."""
    if setting.get(field) is None:
        name = setting_name(field).partition(" (")[0].lower()
        words = setting_fields()[field].option.words if field in setting_fields() else ()
        return f"{name} {words[0]}" if words else f"no {name}"
    return trial_name(setting, [field])


def _is_off(field: str, value: Scalar, setting: Setting) -> bool:
    """Whether a value switches the feature of a field off, as `none` and a default of 0 do."""
    if value is None:
        return not (field in setting_fields() and setting_fields()[field].option.words)
    if value in ("", "none") or value is False:
        return True
    if value != 0 or field not in setting_fields() or field.endswith("seed"):
        return False
    try:
        has_default, default = default_for_setting(field, setting)
    except (KeyError, UnknownName):
        return True  # the choice that defines the default is unknown
    return not has_default or default == 0
