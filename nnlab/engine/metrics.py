"""The metrics that `--metrics` adds, computed from all outputs of a split at once.

Most are those of torchmetrics, in float64 on the CPU: equal on every device and in every batch of
runs. Metrics of users are in `nnlab.engine.user_metrics`.
"""

import importlib.util
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from nnlab.catalogue import DENSE_TASKS, Task
from nnlab.engine.seeds import derive_seed
from nnlab.engine.user_metrics import UserMetric, load_user_metric
from nnlab.errors import ConfigError
from nnlab.settings import RunConfig, parse_metrics

# Of outputs and targets as `AddedMetrics.compute` passes them.
MetricFunction = Callable[[torch.Tensor, torch.Tensor], float]

# The usual number of bins, from Guo et al. 2017.
_CALIBRATION_BINS = 15
# Metrics that nnlab computes without torchmetrics.
_WITHOUT_TORCHMETRICS = frozenset(
    {"brier", "max_error", "accuracy", "rmse", "mae", "r2"}
    | {"exact_match", "perplexity", "mean_iou"}
)
# The kinds of targets with one class per example or position.
_CLASS_TASKS: tuple[Task, ...] = ("classification", *DENSE_TASKS)


@dataclass(frozen=True, slots=True)
class AddedMetrics:
    """The metrics that `--metrics` adds to a run.

    `task` is that of the data set. `seed` seeds torch for metrics of users, which may draw random
    numbers. Outputs and targets of regression are converted to the unit of the target by
    `target_scale` and `target_mean`, one number for all targets or one for each.
    """

    task: Task
    functions: Mapping[str, MetricFunction]
    user_metrics: tuple[UserMetric, ...] = ()
    seed: int = 0
    target_scale: float | Sequence[float] = 1.0
    target_mean: float | Sequence[float] = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the metrics, without the split."""
        return (*self.functions, *(metric.name for metric in self.user_metrics))

    @property
    def has_user_code(self) -> bool:
        """Whether some of the metrics are user code."""
        return bool(self.user_metrics)

    def compute(self, outputs: torch.Tensor, targets: torch.Tensor, epoch: int) -> dict[str, float]:
        """The metrics by name, all NaN if an output is not finite.

        Args:
            outputs: of the whole split: logits [n, classes] or [n, tags], standardised predictions
                [n, k], or reconstructions [n, ...]. Of tokens and pixels: logits [m, classes] of
                the m positions that count.
            targets: [n] classes, [n, classes] class weights of mixed examples (the class with the
                largest weight counts), [n, tags], [n, k] standardised numbers, or [n, ...]; [m]
                classes of positions.
            epoch: from which the random numbers of user metrics derive.

        Raises:
            UserCodeError: a metric of the user raises an error or returns no number.
        """
        outputs = outputs.detach().to("cpu", torch.promote_types(outputs.dtype, torch.float32))
        targets = targets.detach().to("cpu")
        if not bool(torch.isfinite(outputs).all()):
            return dict.fromkeys(self.names, math.nan)
        if self.task == "regression":
            outputs, targets = self._to_target_unit(outputs), self._to_target_unit(targets)
        elif self.task == "multilabel":
            targets = (targets > 0.5).long()  # tags of mixed examples have weights
        elif self.task in _CLASS_TASKS and targets.ndim == 2:
            targets = targets.argmax(dim=1)
        values = {}
        scores = outputs.double()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torchmetrics on splits that lack a class
            for name, function in self.functions.items():
                values[name] = function(scores, targets)
        if self.user_metrics:
            with torch.random.fork_rng(devices=[]):
                # The generator of the CPU, where all tensors of metrics are.
                torch.default_generator.manual_seed(derive_seed(self.seed, "user_metric", epoch))
                for metric in self.user_metrics:
                    # A copy, because user code may change tensors in place.
                    values[metric.name] = metric.compute(outputs.clone(), targets.clone())
        return values

    def _to_target_unit(self, standardised: torch.Tensor) -> torch.Tensor:
        """Numbers [n] or [n, k] in the unit of their target, in float64."""
        scale = torch.as_tensor(self.target_scale, dtype=torch.float64)
        mean = torch.as_tensor(self.target_mean, dtype=torch.float64)
        numbers = standardised.double() * scale + mean
        return numbers.squeeze(1) if numbers.ndim == 2 and numbers.shape[1] == 1 else numbers


def build(
    config: RunConfig,
    task: Task,
    num_outputs: int,
    *,
    target_scale: float | Sequence[float] = 1.0,
    target_mean: float | Sequence[float] = 0.0,
) -> AddedMetrics | None:
    """The added metrics of a resolved config; None if there are none.

    Raises:
        ConfigError: torchmetrics is needed and not installed.
        UserCodeError: a metric of the user cannot be loaded.
    """
    if config.metrics is None:
        return None
    references = parse_metrics(config.metrics)
    check_torchmetrics(config.metrics)
    functions: dict[str, MetricFunction] = {}
    for reference in references:
        if reference.is_user_defined:
            continue
        if task in _CLASS_TASKS:
            to_probabilities = torch.sigmoid if config.loss == "bce" else _softmax
            functions[reference.name] = partial(
                _CLASSIFICATION[reference.name], num_outputs, to_probabilities
            )
        elif task == "multilabel":
            functions[reference.name] = partial(_MULTILABEL[reference.name], num_outputs)
        else:
            functions[reference.name] = partial(_mean_over_targets, _REGRESSION[reference.name])
    user_metrics = [
        load_user_metric(reference, task, num_outputs)
        for reference in references
        if reference.is_user_defined
    ]
    return AddedMetrics(
        task,
        functions,
        tuple(user_metrics),
        seed=config.seed,
        target_scale=target_scale,
        target_mean=target_mean,
    )


def check_torchmetrics(text: str) -> None:
    """Checks that torchmetrics is installed if one of the metrics of a text needs it.

    Raises:
        ConfigError: it is not installed.
    """
    names = [
        metric.name
        for metric in parse_metrics(text)
        if not metric.is_user_defined and metric.name not in _WITHOUT_TORCHMETRICS
    ]
    if names and importlib.util.find_spec("torchmetrics") is None:
        raise ConfigError(
            [f"--metrics {','.join(names)} needs the torchmetrics package"],
            hint="pip install 'nnlab[metrics]'",
        )


def _softmax(scores: torch.Tensor) -> torch.Tensor:
    return scores.softmax(dim=1)


ToProbabilities = Callable[[torch.Tensor], torch.Tensor]


def _multiclass(name: str, **options: Any) -> Callable[..., float]:
    """A function of torchmetrics that depends only on the order of the classes' scores."""

    def compute(
        classes: int, _: ToProbabilities, scores: torch.Tensor, targets: torch.Tensor
    ) -> float:
        from torchmetrics.functional import classification

        function = getattr(classification, f"multiclass_{name}")
        return float(function(scores, targets, classes, validate_args=False, **options))

    return compute


def _balanced_accuracy(
    classes: int, _: ToProbabilities, scores: torch.Tensor, targets: torch.Tensor
) -> float:
    from torchmetrics.functional.classification import multiclass_recall

    recalls = multiclass_recall(scores, targets, classes, average=None, validate_args=False)
    # As in scikit-learn, a class that was only predicted has no recall.
    return float(recalls[targets.bincount(minlength=classes) > 0].mean())


def _auroc(
    classes: int, to_probabilities: ToProbabilities, scores: torch.Tensor, targets: torch.Tensor
) -> float:
    from torchmetrics.functional.classification import multiclass_auroc

    areas = multiclass_auroc(
        to_probabilities(scores), targets, classes, average=None, validate_args=False
    )
    counts = targets.bincount(minlength=classes)
    # torchmetrics gives 0 to a class without positive or without negative examples.
    return float(areas[(counts > 0) & (counts < len(targets))].mean())


def _average_precision(
    classes: int, to_probabilities: ToProbabilities, scores: torch.Tensor, targets: torch.Tensor
) -> float:
    from torchmetrics.functional.classification import multiclass_average_precision

    areas = multiclass_average_precision(
        to_probabilities(scores), targets, classes, average=None, validate_args=False
    )
    counts = targets.bincount(minlength=classes)
    return float(areas[counts > 0].mean()) if int((counts > 0).sum()) > 1 else math.nan


def _brier(
    classes: int, to_probabilities: ToProbabilities, scores: torch.Tensor, targets: torch.Tensor
) -> float:
    one_hot = torch.nn.functional.one_hot(targets, classes).to(scores.dtype)
    return float((to_probabilities(scores) - one_hot).square().sum(dim=1).mean())


def _calibration_error(
    classes: int, to_probabilities: ToProbabilities, scores: torch.Tensor, targets: torch.Tensor
) -> float:
    from torchmetrics.functional.classification import multiclass_calibration_error

    probabilities = to_probabilities(scores)
    return float(
        multiclass_calibration_error(
            probabilities, targets, classes, n_bins=_CALIBRATION_BINS, validate_args=False
        )
    )


_CLASSIFICATION: Mapping[str, Callable[..., float]] = {
    "balanced_accuracy": _balanced_accuracy,
    "f1": _multiclass("f1_score", average="macro"),
    "f1_micro": _multiclass("f1_score", average="micro"),
    "f1_weighted": _multiclass("f1_score", average="weighted"),
    "precision": _multiclass("precision", average="macro"),
    "recall": _multiclass("recall", average="macro"),
    "specificity": _multiclass("specificity", average="macro"),
    "auroc": _auroc,
    "average_precision": _average_precision,
    "top3": _multiclass("accuracy", average="micro", top_k=3),
    "top5": _multiclass("accuracy", average="micro", top_k=5),
    "mcc": _multiclass("matthews_corrcoef"),
    "kappa": _multiclass("cohen_kappa"),
    "brier": _brier,
    "calibration_error": _calibration_error,
}


def _multilabel(name: str, **options: Any) -> Callable[..., float]:
    """A function of torchmetrics for tags; a tag is predicted above a probability of 1/2."""

    def compute(tags: int, scores: torch.Tensor, targets: torch.Tensor) -> float:
        from torchmetrics.functional import classification

        function = getattr(classification, f"multilabel_{name}")
        return float(function(scores.sigmoid(), targets, tags, validate_args=False, **options))

    return compute


def _tags_with_both_values(name: str) -> Callable[..., float]:
    """The mean of a curve's area over the tags that some examples have and others have not."""

    def compute(tags: int, scores: torch.Tensor, targets: torch.Tensor) -> float:
        from torchmetrics.functional import classification

        function = getattr(classification, f"multilabel_{name}")
        areas = function(scores.sigmoid(), targets, tags, average=None, validate_args=False)
        counts = targets.sum(0)
        return float(areas[(counts > 0) & (counts < len(targets))].mean())

    return compute


_MULTILABEL: Mapping[str, Callable[..., float]] = {
    "f1_micro": _multilabel("f1_score", average="micro"),
    "f1_weighted": _multilabel("f1_score", average="weighted"),
    "precision": _multilabel("precision", average="macro"),
    "recall": _multilabel("recall", average="macro"),
    "specificity": _multilabel("specificity", average="macro"),
    "auroc": _tags_with_both_values("auroc"),
    "average_precision": _tags_with_both_values("average_precision"),
}


def _mean_over_targets(
    function: MetricFunction, outputs: torch.Tensor, targets: torch.Tensor
) -> float:
    """A metric of numbers [n], or its mean over the targets of numbers [n, k]."""
    if outputs.ndim == 1:
        return function(outputs, targets)
    values = [function(*pair) for pair in zip(outputs.T, targets.T, strict=True)]
    return sum(values) / len(values)


def _mape(outputs: torch.Tensor, targets: torch.Tensor) -> float:
    from torchmetrics.functional import mean_absolute_percentage_error

    return float(mean_absolute_percentage_error(outputs, targets))


def _explained_variance(outputs: torch.Tensor, targets: torch.Tensor) -> float:
    from torchmetrics.functional import explained_variance

    # As R²: NaN if there is no variance to explain.
    if _is_constant(targets):
        return math.nan
    return float(torch.as_tensor(explained_variance(outputs, targets)))


def _pearson(outputs: torch.Tensor, targets: torch.Tensor) -> float:
    from torchmetrics.functional import pearson_corrcoef

    if _is_constant(outputs) or _is_constant(targets):
        return math.nan
    # Without their means, large numbers keep their digits.
    return float(pearson_corrcoef(outputs - outputs.mean(), targets - targets.mean()))


def _spearman(outputs: torch.Tensor, targets: torch.Tensor) -> float:
    # The ranks of torchmetrics overflow 32 bits where many of 50,000 numbers are equal.
    return _pearson(_ranks(outputs), _ranks(targets))


def _ranks(values: torch.Tensor) -> torch.Tensor:
    """The ranks of values [n] from 1; equal values have the mean of their ranks."""
    inverse, counts = torch.unique(values, return_inverse=True, return_counts=True)[1:]
    mean_ranks: torch.Tensor = counts.cumsum(0).double() - (counts - 1) / 2
    return mean_ranks[inverse]


def _max_error(outputs: torch.Tensor, targets: torch.Tensor) -> float:
    return float((outputs - targets).abs().max())


def _is_constant(values: torch.Tensor) -> bool:
    return bool((values == values[0]).all())


_REGRESSION: Mapping[str, MetricFunction] = {
    "mape": _mape,
    "explained_variance": _explained_variance,
    "spearman": _spearman,
    "pearson": _pearson,
    "max_error": _max_error,
}

# Every metric with code; those without a function here are measured in any case.
METRIC_FUNCTIONS: Mapping[str, object] = {
    **_CLASSIFICATION,
    **_REGRESSION,
    **dict.fromkeys(("accuracy", "rmse", "mae", "r2"), "nnlab.engine.evaluation"),
    **dict.fromkeys(("exact_match", "perplexity", "mean_iou"), "nnlab.engine.targets"),
    "module:": load_user_metric,
}
