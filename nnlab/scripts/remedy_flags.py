"""Maps the quantities that remedies change (lr, dropout, ...) to the flags of a script."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from nnlab.diagnosis.remedies import Remedy
from nnlab.errors import UsageError, unknown_name_message
from nnlab.objective import Scalar, Setting
from nnlab.scripts.arguments import selected_subcommand
from nnlab.scripts.flags import Flag, ScriptFlags

Unit = Literal["", "epochs", "steps", "ratio"]

# The usual names of flags, by the field of nnlab's own settings that has the same meaning.
_USUAL_NAMES: Mapping[str, tuple[str, ...]] = {
    "lr": ("lr", "learning_rate", "base_lr", "init_lr", "initial_lr", "max_lr", "peak_lr"),
    "weight_decay": ("weight_decay", "wd", "l2", "l2_reg", "l2_penalty", "weight_decay_rate"),
    "dropout": (
        "dropout", "dropout_rate", "drop_rate", "drop", "dropout_prob", "dropout_p", "p_dropout",
        "drop_prob", "hidden_dropout", "hidden_dropout_prob", "resid_dropout", "resid_pdrop",
    ),
    "batch_size": (
        "batch_size", "batchsize", "batch", "bs", "train_batch_size", "mini_batch_size",
        "minibatch_size", "per_device_train_batch_size", "micro_batch_size",
    ),
    "epochs": (
        "epochs", "num_epochs", "n_epochs", "nepochs", "max_epochs", "num_train_epochs",
        "total_epochs", "train_epochs", "epoch", "max_steps", "num_steps", "n_steps", "steps",
        "total_steps", "train_steps", "num_train_steps", "max_train_steps", "iterations", "iters",
        "max_iters", "num_iters", "num_iterations", "max_iterations",
    ),
    "warmup": (
        "warmup_epochs", "lr_warmup_epochs", "warmup_steps", "num_warmup_steps", "lr_warmup_steps",
        "warmup_iters", "warmup_ratio", "warmup_fraction", "warmup_proportion", "warmup",
        "lr_warmup", "warm_up",
    ),
    "label_smoothing": (
        "label_smoothing", "label_smoothing_factor", "label_smooth", "smoothing",
    ),
    "clip": (
        "clip", "grad_clip", "clip_grad", "max_grad_norm", "clip_grad_norm", "grad_clip_norm",
        "gradient_clip_val", "gradient_clip", "gradient_clipping", "clip_norm", "grad_norm_clip",
        "max_norm", "grad_max_norm",
    ),
}  # fmt: skip
REMEDY_FIELDS = tuple(_USUAL_NAMES)
# Other fields of nnlab's settings with the meaning of one of these.
_SAME_FIELD = {"l2": "weight_decay"}
# Quantities without effect at 0, which a flag without a default therefore probably has.
_ZERO_BY_DEFAULT = frozenset(("weight_decay", "dropout", "warmup", "label_smoothing", "clip"))
_WARMUP_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class MappedFlag:
    """A flag that sets the quantity `field`, and its value in a setting.

    `unit` says what a duration counts: epochs, steps, or a share of all steps.
    """

    field: str
    flag: Flag
    value: float
    unit: Unit = ""


@dataclass(frozen=True, slots=True)
class FlagRemedy:
    """A remedy as changes of the flags of a script, by the names in its setting."""

    remedy: Remedy
    changes: Mapping[str, Scalar]


def usual_field(flag_name: str) -> str | None:
    """The field of nnlab's settings that a flag of a usual name sets; None for other names.

    >>> usual_field("train.label_smooth"), usual_field("lr"), usual_field("data")
    ('label_smoothing', 'lr', None)
    """
    name = flag_name.replace("-", "_").lower().rpartition(".")[2]
    return next((field for field, names in _USUAL_NAMES.items() if name in names), None)


def map_flags(
    flags: ScriptFlags, setting: Setting, chosen: Mapping[str, str]
) -> dict[str, MappedFlag]:
    """The flags that set the quantities of remedies, by the field of nnlab's settings.

    A flag is found by its usual names, also below a configuration group (`optimizer.lr`) if only
    one flag has the name. Flags whose value is no number, or not known, are left out.

    Args:
        flags: the script's flags.
        setting: the values of a trial.
        chosen: flags by field, which replace those that would be found; of `--map field=--flag`.

    Raises:
        UsageError: an unknown field, or the script has no such flag or no number for it.
    """
    candidates = _candidates(flags, setting)
    mapped = {}
    for field, name in chosen.items():
        if field not in _USUAL_NAMES:
            raise UsageError(unknown_name_message("quantity", field, _USUAL_NAMES))
        flag = ScriptFlags(flags.parser, tuple(candidates)).resolve_flag(name)
        mapped_flag = _mapped_flag(field, flag, setting)
        if mapped_flag is None:
            raise UsageError(f"--map {field}={name}: the flag has no number as value or default")
        mapped[field] = mapped_flag
    for field in _USUAL_NAMES:
        usual = None if field in mapped else _find_usual(field, candidates, setting)
        if usual is not None:
            mapped[field] = usual
    return mapped


def remedy_setting(mapped: Mapping[str, MappedFlag]) -> dict[str, Scalar]:
    """The quantities of a script in the names of nnlab's settings, from which remedies follow."""
    values: dict[str, Scalar] = {}
    for field, flag in mapped.items():
        is_whole = field in ("batch_size", "epochs") and flag.value.is_integer()
        values[field] = int(flag.value) if is_whole else flag.value
    values |= {other: values[field] for other, field in _SAME_FIELD.items() if field in values}
    if "label_smoothing" in values:
        values["loss"] = "cross_entropy"  # the only loss with this parameter
    return values


def apply_to_flags(
    remedies: Sequence[Remedy], mapped: Mapping[str, MappedFlag], total_steps: int | None
) -> tuple[FlagRemedy, ...]:
    """The remedies whose changes are all possible with the flags of the script.

    Args:
        remedies: remedies for `remedy_setting(mapped)`.
        mapped: the flags.
        total_steps: the number of steps of a run; None if it is unknown.
    """
    applied: dict[tuple[tuple[str, Scalar], ...], FlagRemedy] = {}
    for remedy in remedies:
        fields = {_SAME_FIELD.get(name, name): value for name, value in remedy.changes.items()}
        if not set(fields) <= set(mapped):
            continue
        changes = {}
        for field, value in fields.items():
            flag = mapped[field]
            typed = _flag_value(flag, _numeric(value), mapped, total_steps)
            if typed is not None and typed != flag.value:
                changes[flag.flag.name] = typed
        if changes:
            # The penalty and the decay of the weights are one flag of a script.
            name = "weight decay" if set(remedy.changes) == {"l2"} else remedy.name
            key = tuple(sorted(changes.items()))
            applied.setdefault(key, FlagRemedy(replace(remedy, name=name), changes))
    return tuple(applied.values())


def _candidates(flags: ScriptFlags, setting: Setting) -> list[Flag]:
    """The flags that may be changed: declared ones, and those of the setting if none is known."""
    if flags.parser == "unknown":
        return [Flag(name, (f"--{name}",)) for name in setting]
    return list(flags.of_subcommand(selected_subcommand(flags, setting)))


def _find_usual(field: str, candidates: Sequence[Flag], setting: Setting) -> MappedFlag | None:
    """The flag of the first usual name that has a number; whole names before last parts."""
    for is_last_part in (False, True):
        for usual in _USUAL_NAMES[field]:
            matching = [flag for flag in candidates if usual in _names(flag, is_last_part)]
            if len(matching) == 1:
                mapped = _mapped_flag(field, matching[0], setting)
                if mapped is not None and (mapped.value > 0 or field in _ZERO_BY_DEFAULT):
                    return mapped
    return None


def _names(flag: Flag, is_last_part: bool) -> set[str]:
    spelled = [flag.name, *(text for text in flag.spellings if text.startswith("--"))]
    names = {name.lstrip("-").replace("-", "_").lower() for name in spelled}
    return {name.rpartition(".")[2] for name in names} if is_last_part else names


def _mapped_flag(field: str, flag: Flag, setting: Setting) -> MappedFlag | None:
    """The flag with its value; None if it takes no single number or its number is not known."""
    if flag.boolean is not None or flag.takes not in ("one", "optional"):
        return None
    value = setting.get(flag.name)
    number = _numeric(flag.default if value is None else value)
    if number is None:
        is_numeric = flag.kind in ("int", "float", "any") and flag.default is None and value is None
        if field not in _ZERO_BY_DEFAULT or not is_numeric:
            return None
        number = 0.0
    return MappedFlag(field, flag, number, _unit(field, flag))


def _numeric(value: Scalar) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return None if value is None else float(value)


def _unit(field: str, flag: Flag) -> Unit:
    """What a duration counts, from the words of its flag's name."""
    if field not in ("epochs", "warmup"):
        return ""
    name = flag.name.lower()
    if any(word in name for word in ("step", "iter")):
        return "steps"
    if any(word in name for word in ("ratio", "fraction", "proportion")):
        return "ratio"
    is_share = field == "warmup" and flag.kind == "float" and 0 < (_numeric(flag.default) or 0) < 1
    return "ratio" if is_share else "epochs"


def _flag_value(
    flag: MappedFlag,
    value: float | None,
    mapped: Mapping[str, MappedFlag],
    total_steps: int | None,
) -> Scalar:
    """The value for a flag, in its unit and type; None if it cannot be computed."""
    if flag.field == "warmup":
        value = _warmup(flag.unit, mapped.get("epochs"), total_steps)
    if value is None:
        return None
    return round(value) if flag.flag.kind == "int" or _is_whole(flag, value) else value


def _is_whole(flag: MappedFlag, value: float) -> bool:
    """Whether a number without declared type is written without a decimal point."""
    is_integer = isinstance(flag.flag.default, int) and value.is_integer()
    return is_integer or (flag.field in ("batch_size", "epochs") and flag.flag.kind != "float")


def _warmup(unit: Unit, epochs: MappedFlag | None, total_steps: int | None) -> float | None:
    """A tenth of the training, in epochs, steps, or as a share."""
    if unit == "ratio":
        return _WARMUP_SHARE
    total: float | None = total_steps if unit == "steps" else None
    if epochs is not None and epochs.unit == unit:
        total = epochs.value
    return None if total is None else float(max(1, round(total * _WARMUP_SHARE)))
