"""`nnlab.diagnose`: the findings of curves from anywhere."""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from nnlab.api.error_hints import hints_in_tracebacks
from nnlab.api.result_tables import FindingTable
from nnlab.api.run_history import RunHistory
from nnlab.diagnosis import diagnose
from nnlab.diagnosis.external_curves import METRICS, diagnose_external, external_curves
from nnlab.errors import ConfigError, DataError, PluginError, UnknownName, UsageError
from nnlab.records import Curve, History, Scalar
from nnlab.settings import RunConfig, is_setting_name, setting_fields
from nnlab.settings.parsing import parse_value

# The values of a metric: one for each epoch from 1, or by epoch.
CurveValues = Sequence[float | None] | Mapping[int, float | None]


@hints_in_tracebacks()
def diagnose_history(
    history: History | Mapping[str, CurveValues], setting: Mapping[str, Scalar] | None = None
) -> FindingTable:
    """The findings of a run: causes before their symptoms, hints last.

        nnlab.diagnose({"train/loss": [1.0, 0.5, 0.2], "val/loss": [1.1, 0.9, 1.3]})

    Args:
        history: what `Results.history` returns, or the values of each metric: one for each epoch,
            or by epoch. Usual names such as `loss` and `val_loss` are recognized. None is an epoch
            without a measurement.
        setting: the setting of the run, which some rules read; by default that of a stored run,
            and empty for other curves.

    Raises:
        DataError: there is no curve of a loss or an accuracy, or a value is not a number.
        UnknownName: the setting has an unknown name.
        ConfigError: values of the setting are not valid; all of them are reported.
        UsageError: the history is neither of these.
    """
    if setting is not None:
        setting = _checked_setting(setting)
    else:
        setting = history.run.trial.setting if isinstance(history, RunHistory) else {}
    if isinstance(history, Mapping):
        history = history_of_values(history)
    if not isinstance(history, History):
        raise UsageError(
            f"a history is needed, or the values of each metric, not a {type(history).__name__}",
            hint='nnlab.diagnose({"train/loss": [1.0, 0.5], "val/loss": [1.1, 0.9]})',
        )
    if isinstance(history, RunHistory) and history.run.origin.is_external:
        return FindingTable(diagnose_external(history, history.run.axis))
    return FindingTable(diagnose(history, setting))


def _checked_setting(setting: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """A setting with only names and values that stored settings may have.

    Raises:
        UnknownName: it has a name that no rule would read, and no other problem.
        ConfigError: it is not a mapping, or has several problems; all of them are reported.
    """
    if not isinstance(setting, Mapping):
        raise ConfigError([f"setting must be a mapping from names to values, got {setting!r}"])
    stored = {field.name for field in fields(RunConfig)}
    checked: dict[str, Scalar] = {}
    problems: list[ConfigError | UnknownName] = []
    for name, value in setting.items():
        checked[name] = value
        if not isinstance(name, str) or (name not in stored and not is_setting_name(name)):
            problems.append(UnknownName("name in the setting", str(name), setting_fields()))
        elif name in setting_fields() and value is not None:
            try:
                checked[name] = parse_value(name, value)
            except (ConfigError, UnknownName) as error:
                problems.append(error)
            except PluginError:
                pass  # a stored run may name a plugin that is not installed here
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise ConfigError([error.message for error in problems])
    return checked


def history_of_values(values: Mapping[str, CurveValues]) -> History:
    """The history of a mapping from metrics to their values.

    Epochs that count from 0 are shifted, because nnlab counts them from 1.

    Raises:
        DataError: there is no curve of a loss or an accuracy, or a value is not a number.
    """
    points = {str(name): _points(name, curve) for name, curve in values.items()}
    shift = int(any(0 in curve for curve in points.values()))
    curves = {name: _curve(name, curve, shift) for name, curve in points.items() if curve}
    history = external_curves(History(curves)).history
    if not any(history.get(metric) for metric in METRICS[:4]):
        raise DataError(
            f"no curve of a loss or an accuracy among {', '.join(map(str, values)) or 'nothing'}",
            hint="name them train/loss, val/loss, train/accuracy, val/accuracy",
        )
    return history


def _curve(metric: str, points: Mapping[int, float], shift: int) -> Curve:
    epochs = sorted(points)
    return Curve(
        metric,
        tuple(epoch + shift for epoch in epochs),
        tuple(points[epoch] for epoch in epochs),
    )


def _points(name: object, values: CurveValues | Any) -> dict[int, float]:
    """The values of a curve by epoch; epochs without a measurement are left out."""
    # Arrays and tensors convert themselves to lists of numbers.
    values = values.tolist() if hasattr(values, "tolist") else values
    if isinstance(values, str) or not isinstance(values, Mapping | Sequence):
        raise DataError(f"{name}: a value for each epoch is needed, got {values!r}")
    pairs = values.items() if isinstance(values, Mapping) else enumerate(values, start=1)
    return {
        _epoch(name, epoch): number
        for epoch, value in pairs
        if (number := _number(name, value)) is not None
    }


def _epoch(name: object, epoch: Any) -> int:
    try:
        number = -1 if isinstance(epoch, bool) else operator.index(epoch)
    except TypeError:
        number = -1
    if number < 0:
        raise DataError(f"{name}: an epoch must be a whole number, got {epoch!r}")
    return number


def _number(name: object, value: Any) -> float | None:
    """A value as a float; NaN and infinities are values of a run that diverged."""
    if value is None:
        return None
    try:
        # Text is refused even if it is a number, as in every other list of numbers.
        return float(operator.pos(value))
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"{name}: {value!r} is not a number") from None
