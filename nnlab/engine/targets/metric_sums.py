"""`MetricSums`: the metrics of a split from sums over its batches; the outputs are not kept."""

from collections.abc import Callable, Mapping, Sequence

import torch

from nnlab.catalogue import Task
from nnlab.engine.targets.classification import ClassificationSums
from nnlab.engine.targets.language_modeling import LanguageModelingSums
from nnlab.engine.targets.multilabel import MultilabelSums
from nnlab.engine.targets.reconstruction import ReconstructionSums
from nnlab.engine.targets.regression import RegressionSums
from nnlab.engine.targets.segmentation import SegmentationSums
from nnlab.engine.targets.sums import Loss, MetricSums, SumSettings
from nnlab.engine.targets.token_classification import TokenClassificationSums
from nnlab.engine.targets.unsupervised import UnsupervisedSums
from nnlab.errors import DataError

__all__ = ["METRIC_SUMS", "Loss", "MetricSums", "metric_sums"]

METRIC_SUMS: Mapping[Task, Callable[[SumSettings], MetricSums]] = {
    "classification": ClassificationSums,
    "regression": RegressionSums,
    "multilabel": MultilabelSums,
    "token_classification": TokenClassificationSums,
    "language_modeling": LanguageModelingSums,
    "segmentation": SegmentationSums,
    "reconstruction": ReconstructionSums,
    "unsupervised": UnsupervisedSums,
}


def metric_sums(
    task: Task,
    eval_loss: Loss,
    *,
    num_outputs: int,
    target_scale: float | Sequence[float] = 1.0,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> MetricSums:
    """An empty accumulator for the metrics of one split; their names are `TASK_METRICS[task]`.

    Args:
        task: the kind of targets.
        eval_loss: the mean over the examples, or over the positions that count. That of
            `unsupervised` takes the outputs only.
        num_outputs: the number of classes, targets, tags or tokens of the vocabulary.
        target_scale: the unit of the targets per standardised unit; one number for all targets, or
            one for each.
        dtype: the floating dtype of the model; half precisions are converted to float32.
        device: of the sums.

    Raises:
        DataError: the metrics of the task are not computed by nnlab.
    """
    build = METRIC_SUMS.get(task)
    if build is None:
        raise DataError(f"the task {task} has no metrics besides those that it logs itself")
    return build(SumSettings(eval_loss, num_outputs, target_scale, dtype, torch.device(device)))
