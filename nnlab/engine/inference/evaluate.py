"""The metrics of a trained model on other data with targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from nnlab.config.metric_list import join_metrics, parse_metrics
from nnlab.config.numbers import parse_number
from nnlab.engine import losses, metrics
from nnlab.engine.data.number_range import largest_target
from nnlab.engine.data.table_columns import is_missing
from nnlab.engine.evaluation import compute_metrics
from nnlab.engine.inference.input_batch import InputBatch
from nnlab.engine.inference.input_data import InputData
from nnlab.engine.inference.model_description import ModelDescription
from nnlab.engine.inference.predict import raise_input_errors, without_overflow
from nnlab.engine.inference.predictor import Predictor
from nnlab.engine.metric_versions import check_metrics_version
from nnlab.engine.metrics import AddedMetrics
from nnlab.errors import DataError, UserCodeError

_MAX_ROWS = 1 << 32


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """Metrics by their names without the data, such as `accuracy`, over `rows` examples.

    `notes` say which metrics of the run are left out, and why.
    """

    metrics: Mapping[str, float]
    rows: int
    notes: tuple[str, ...] = ()


def evaluate(
    predictor: Predictor, data: InputData, description: ModelDescription
) -> EvaluationResult:
    """The metrics that the training reports, on the valid rows of an input.

    Metrics that are user code are computed if their files are unchanged since the training and
    may be executed (`user_code.forbid_execution`).

    Raises:
        UserCodeError: a metric of the user raises an error or returns no number.
        DataError: the input has no targets or other errors; all of them are in the message.
    """
    reader = _TargetReader(data, description)
    outputs: list[torch.Tensor] = []
    targets: list[torch.Tensor] = []
    for batch in data.batches():
        encoded, valid = reader.encode(batch)
        if not data.report.has_errors and valid.any():
            batch_outputs = predictor.outputs(batch.examples).cpu()
            checked = without_overflow(data, batch, batch_outputs.numpy())
            keep = torch.from_numpy(valid & ~checked.invalid)
            outputs.append(batch_outputs[keep])
            targets.append(encoded[keep])
    raise_input_errors(data)
    if not any(map(len, targets)):
        raise DataError(f"{data.shown} has no valid row")
    all_outputs = torch.cat(outputs)
    all_targets = torch.cat(targets)
    if description.task == "regression":
        standardised = (all_targets - description.target_mean) / description.target_scale
        all_targets = standardised.to(all_outputs.dtype)[:, None]
    values = compute_metrics(
        description.task,
        losses.build_eval_loss(description.config),
        all_outputs,
        all_targets,
        scale=description.target_scale,
    )
    added, notes = _added_metrics(description)
    if added is not None:
        values = {**values, **added.compute(all_outputs, all_targets, epoch=0)}
    return EvaluationResult(values, len(all_targets), notes)


def _added_metrics(description: ModelDescription) -> tuple[AddedMetrics | None, tuple[str, ...]]:
    """The metrics that `--metrics` added to the run, and a note about those that are left out."""
    config = description.config
    listed = () if config.metrics is None else parse_metrics(config.metrics)
    notes: tuple[str, ...] = ()

    def build(text: str | None) -> AddedMetrics | None:
        return metrics.build(
            replace(config, metrics=text),
            description.task,
            description.num_outputs,
            target_scale=description.target_scale,
            target_mean=description.target_mean,
        )

    user_defined = [metric for metric in listed if metric.is_user_defined]
    if config.metrics is not None and user_defined:
        try:
            check_metrics_version(config.metrics, config.metrics_version)
            return build(config.metrics), ()
        except UserCodeError as error:
            names = ", ".join(metric.reference for metric in user_defined)
            notes = (f"without the metrics {names}: {error.message}",)
    return build(join_metrics(metric for metric in listed if not metric.is_user_defined)), notes


class _TargetReader:
    """Converts the texts of targets to classes [n] (int64) or numbers [n] (float64)."""

    def __init__(self, data: InputData, description: ModelDescription) -> None:
        self._data, self._is_classifier = data, description.task == "classification"
        self._name = description.target_name
        self._classes: dict[float | str, int] = {
            _class_key(name): index for index, name in enumerate(description.classes)
        }
        self._row = 0
        self._mean, self._scale = description.target_mean, description.target_scale
        dtype = np.float64 if description.config.dtype == "float64" else np.float32
        # A bound for any number of rows that fits into memory.
        self._largest = largest_target(dtype, _MAX_ROWS)

    def encode(self, batch: InputBatch) -> tuple[torch.Tensor, NDArray[np.bool_]]:
        """The targets of a batch, and which rows [n] are valid."""
        if batch.targets is None:
            subject = f"target '{self._name}'" if self._name else "targets"
            self._data.report.problem(
                "targets", "", f"the {subject} to compare with is missing", "", is_error=True
            ).add([], 1)
            dtype = torch.int64 if self._is_classifier else torch.float64
            return torch.zeros(len(batch), dtype=dtype), np.zeros(len(batch), bool)
        values = [self._value(text, row) for row, text in enumerate(batch.targets)]
        valid = ~batch.invalid & np.array([value is not None for value in values])
        self._row += len(batch)
        numbers: Sequence[float] = [0 if value is None else value for value in values]
        dtype = torch.int64 if self._is_classifier else torch.float64
        return torch.tensor(numbers, dtype=dtype), valid

    def _value(self, text: str, row: int) -> float | int | None:
        """The class or number of a target; None if it is invalid, which is reported."""
        value = self._classes.get(_class_key(text)) if self._is_classifier else parse_number(text)
        place = f"row {self._row + row + 1}"
        if value is not None:
            if not self._is_classifier and not self._is_in_range(value):
                message = (
                    "a target is too large for its error to be computed; those of the training"
                    f" data have mean {self._mean:.4g} and standard deviation {self._scale:.4g}"
                )
                self._add("target size", message, f"{text} in {place}")
                return None
            return value
        if is_missing(text):
            self._add("missing target", "a target is missing", place)
        elif self._is_classifier:
            known = ", ".join(str(name) for name in list(self._classes)[:10])
            message = f"a class that the training data does not have (known: {known})"
            self._add("class", message, f"'{text}' in {place}")
        else:
            self._add("target", "a target is not a number", f"'{text}' in {place}")
        return None

    def _is_in_range(self, target: float) -> bool:
        """Whether the squared error of a target is finite in the number format of the model."""
        return abs(target / self._scale - self._mean / self._scale) <= self._largest

    def _add(self, kind: str, message: str, place: str) -> None:
        options = self._data.options
        self._data.report.problem(
            kind, "", message, options.invalid_solution, is_error=options.refuses_invalid
        ).add([place])


def _class_key(text: str) -> float | str:
    """The value that all spellings of a class share: their number, or their text."""
    number = parse_number(text)
    return text if number is None else number
