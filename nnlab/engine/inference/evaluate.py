"""The metrics of a trained model on other data with targets."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import torch

from nnlab.engine import losses, metrics
from nnlab.engine.evaluation import compute_metrics
from nnlab.engine.inference.input_batch import InputBatch
from nnlab.engine.inference.input_data import InputData
from nnlab.engine.inference.model_description import ModelDescription
from nnlab.engine.inference.predict import raise_input_errors, without_overflow
from nnlab.engine.inference.predictor import Predictor
from nnlab.engine.inference.target_reader import TargetReader
from nnlab.engine.metric_versions import check_metrics_version
from nnlab.engine.metrics import AddedMetrics
from nnlab.engine.split_metrics import SplitMetrics
from nnlab.engine.targets.metric_sums import metric_sums
from nnlab.errors import DataError, UserCodeError
from nnlab.settings.metric_list import join_metrics, parse_metrics

_ONE_VECTOR = ("classification", "regression", "multilabel")


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
    pairs = _outputs_and_targets(predictor, data, description)
    evaluate_pairs = _evaluate_vectors if description.task in _ONE_VECTOR else _evaluate_arrays
    result = evaluate_pairs(pairs, description)
    raise_input_errors(data)
    if not result.rows:
        raise DataError(f"{data.shown} has no valid row")
    return result


Pairs = Iterator[tuple[torch.Tensor, torch.Tensor]]


def _outputs_and_targets(
    predictor: Predictor, data: InputData, description: ModelDescription
) -> Pairs:
    """The outputs and the standardised targets of the valid rows of each batch.

    It ends early if the input has errors; the rest is then only checked.
    """
    reader = TargetReader(data, description)
    for batch in data.batches():
        if description.task == "reconstruction":
            targets, valid = predictor.prepared(batch.examples), ~batch.invalid
        else:
            targets, valid = reader.encode(batch)
        if data.report.has_errors or not valid.any():
            continue
        outputs = predictor.outputs(batch.examples).cpu()
        keep = torch.from_numpy(valid & ~_checked(data, batch, outputs).invalid)
        yield outputs[keep], _standardised(targets[keep], outputs, description)


def _checked(data: InputData, batch: InputBatch, outputs: torch.Tensor) -> InputBatch:
    return without_overflow(data, batch, outputs.numpy())


def _standardised(
    targets: torch.Tensor, outputs: torch.Tensor, description: ModelDescription
) -> torch.Tensor:
    """Targets as the loss compares them with outputs."""
    if description.task == "regression":
        means = description.target_means or (description.target_mean,)
        scales = description.target_scales or (description.target_scale,)
        mean = torch.tensor(means, dtype=torch.float64)
        scale = torch.tensor(scales, dtype=torch.float64)
        return ((targets - mean) / scale).to(outputs.dtype)
    return targets.to(outputs.dtype) if description.task == "multilabel" else targets


def _evaluate_vectors(pairs: Pairs, description: ModelDescription) -> EvaluationResult:
    """The metrics of outputs [n, k], all at once as in the training."""
    collected = list(pairs)
    if not any(len(targets) for _, targets in collected):
        return EvaluationResult({}, 0)
    outputs, targets = (torch.cat(parts) for parts in zip(*collected, strict=True))
    values = compute_metrics(
        description.task,
        losses.build_eval_loss(description.config, task=description.task),
        outputs,
        targets,
        scale=description.target_scales or description.target_scale,
    )
    added, notes = _added_metrics(description)
    if added is not None:
        values = {**values, **added.compute(outputs, targets, epoch=0)}
    return EvaluationResult(values, len(targets), notes)


def _evaluate_arrays(pairs: Pairs, description: ModelDescription) -> EvaluationResult:
    """The metrics of outputs [n, ...], batch by batch."""
    added, notes = _added_metrics(description)
    sums = metric_sums(
        description.task,
        losses.build_eval_loss(description.config, task=description.task),
        num_outputs=description.num_outputs,
    )
    split = SplitMetrics(description.task, sums, keeps_outputs=added is not None)
    rows = 0
    for outputs, targets in pairs:
        split.add(outputs, targets)
        rows += len(targets)
    if not rows:
        return EvaluationResult({}, 0)
    values = split.compute()
    if added is not None:
        values |= added.compute(*split.outputs_and_targets(), epoch=0)
    return EvaluationResult(values, rows, notes)


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
            target_scale=description.target_scales or description.target_scale,
            target_mean=description.target_means or description.target_mean,
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
