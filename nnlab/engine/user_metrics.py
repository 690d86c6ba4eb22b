"""Metrics of users: `--metrics file.py:NAME`, a function or a Metric of torchmetrics.

A function takes the outputs and targets of a whole split and returns a number. A Metric is any
object with `update`, `compute` and `reset`; a class or a function without required arguments may
build it.
"""

import copy
import functools
import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import torch

from nnlab.catalogue import DENSE_TASKS, Task
from nnlab.engine import user_code
from nnlab.engine.error_description import describe_error, location_suffix
from nnlab.engine.returned_numbers import NotARealNumber, real_number
from nnlab.errors import UserCodeError
from nnlab.objective import Direction, direction_of
from nnlab.settings.metric_list import MetricReference, join_metrics, parse_metrics

_METRIC_METHODS = ("update", "compute", "reset")


@dataclass(frozen=True, slots=True)
class UserMetric:
    """A loaded metric of the user: its name, the reference to it, and a function or a Metric."""

    name: str
    reference: str
    metric: Any

    def compute(self, outputs: torch.Tensor, targets: torch.Tensor) -> float:
        """The value for all outputs and targets of a split, as `AddedMetrics.compute` gives them.

        Raises:
            UserCodeError: it raises an error (the message has the user's file and line), or the
                result is not a number.
        """
        result = _call(self.reference, self._evaluate, outputs, targets)
        try:
            return real_number(result)
        except NotARealNumber as error:
            code = self.metric.compute if _is_metric(self.metric) else self.metric
            raise UserCodeError(
                f"--metrics {self.reference} returns {error}; nnlab needs one real number"
                + location_suffix(code)
            ) from None

    def _evaluate(self, outputs: torch.Tensor, targets: torch.Tensor) -> object:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if not _is_metric(self.metric):
                return cast("object", self.metric(outputs, targets))
            self.metric.reset()
            self.metric.update(outputs, targets)
            result = cast("object", self.metric.compute())
            self.metric.reset()
            return result


def load_user_metric(reference: MetricReference, task: Task, num_outputs: int) -> UserMetric:
    """The metric that a reference names.

    Args:
        reference: to user code.
        task: passed to a Metric class with a parameter `task`, as torchmetrics calls it.
        num_outputs: passed to a Metric class with a parameter `num_classes` or `num_labels`.

    Raises:
        UserCodeError: it cannot be loaded or built, or is not a metric.
    """
    loaded = user_code.load_object(reference.reference)
    return UserMetric(
        reference.name,
        reference.reference,
        _build_metric(reference.reference, loaded, task, num_outputs),
    )


def _build_metric(reference: str, loaded: Any, task: Task, num_outputs: int) -> Any:
    if _is_metric(loaded) and not inspect.isclass(loaded):
        return _without_sync(copy.deepcopy(loaded))  # runs must not share its state
    if not callable(loaded):
        raise _not_a_metric_error(reference, loaded)
    if _builds_metric(loaded):
        arguments = _matching_arguments(reference, loaded, task, num_outputs)
        built = _call(reference, loaded, **arguments)
        if _is_metric(built):
            return _without_sync(built)
        if inspect.isclass(loaded) and callable(built):
            return built
        raise _not_a_metric_error(reference, built)
    return loaded


def _is_metric(value: object) -> bool:
    return all(callable(getattr(value, name, None)) for name in _METRIC_METHODS)


def _builds_metric(loaded: Callable[..., object]) -> bool:
    """Whether a callable builds a metric: it is a class, or has no required arguments."""
    if inspect.isclass(loaded) or (
        isinstance(loaded, functools.partial) and inspect.isclass(loaded.func)
    ):
        return True
    parameters = _parameters(loaded)
    return parameters is not None and not any(
        parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
        for parameter in parameters.values()
    )


def _parameters(loaded: Callable[..., object]) -> dict[str, inspect.Parameter] | None:
    try:
        return dict(inspect.signature(loaded).parameters)
    except (TypeError, ValueError):  # a function in C
        return None


def _matching_arguments(
    reference: str, loaded: Callable[..., object], task: Task, num_outputs: int
) -> dict[str, object]:
    """The arguments for a class or function that builds a metric."""
    available: dict[str, object] = {"num_classes": num_outputs, "outputs": num_outputs}
    if task == "multilabel":
        available |= {"task": "multilabel", "num_labels": num_outputs}
    elif task in ("classification", *DENSE_TASKS):
        available["task"] = "multiclass"
    parameters = _parameters(loaded) or {}
    missing = [
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        and name not in available
    ]
    if missing:
        raise UserCodeError(
            f"--metrics {reference} requires the arguments {', '.join(missing)};"
            f" nnlab passes {', '.join(available)} by name",
            hint="give the other parameters default values",
        )
    # What a functools.partial fixes is the user's choice.
    fixed = loaded.keywords if isinstance(loaded, functools.partial) else {}
    return {
        name: value for name, value in available.items() if name in parameters and name not in fixed
    }


def _without_sync(metric: Any) -> Any:
    """A Metric that does not synchronise its state: every process has all outputs of the split."""
    if hasattr(metric, "sync_on_compute"):
        metric.sync_on_compute = False
    return metric


def _not_a_metric_error(reference: str, value: object) -> UserCodeError:
    return UserCodeError(
        f"--metrics {reference} is of type {type(value).__name__}; nnlab needs a function of"
        " outputs and targets, or a Metric with update, compute and reset"
    )


def _call(reference: str, call: Callable[..., object], *args: object, **kwargs: object) -> object:
    try:
        return call(*args, **kwargs)
    except Exception as error:
        raise UserCodeError(
            f"--metrics {reference} raises an error: {describe_error(error)}"
        ) from error


def with_code_directions(text: str) -> str:
    """The text of `metrics` with the directions that user code and names declare added.

    The files of metrics without a direction are executed: a Metric declares its direction by
    `higher_is_better`.

    Raises:
        UserCodeError: a file cannot be executed, or does not define the metric.
    """
    metrics = [
        metric
        if metric.direction is not None
        else replace(
            metric, direction=_declared_direction(metric.reference) or direction_of(metric.name)
        )
        for metric in parse_metrics(text)
    ]
    return join_metrics(metrics) or text


def _declared_direction(reference: str) -> Direction | None:
    """The direction that a Metric declares; None for a function."""
    loaded: Any = user_code.load_object(reference)
    declared = getattr(loaded, "higher_is_better", None)
    if not isinstance(declared, bool) and callable(loaded) and _builds_metric(loaded):
        try:
            arguments = _matching_arguments(reference, loaded, "classification", num_outputs=2)
            declared = getattr(loaded(**arguments), "higher_is_better", None)
        except Exception:  # noqa: BLE001  it is reported with its line when the run is trained
            return None
    if not isinstance(declared, bool):
        return None
    return "max" if declared else "min"
