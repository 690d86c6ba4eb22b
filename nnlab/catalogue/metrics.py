"""Metrics that `--metrics` adds to those of every run. The code is in `nnlab.engine.metrics`."""

import math
from dataclasses import dataclass

from nnlab.catalogue.choice import ALL_TASKS, DENSE_TASKS, Choice, Task
from nnlab.objective import Direction, Limits, direction_of, limits_of

# One class for each example, token or pixel; a vocabulary is too large for a table of its classes.
_CLASSES: tuple[Task, ...] = ("classification", "token_classification", "segmentation")
_TOP_K: tuple[Task, ...] = ("classification", *DENSE_TASKS)
_CLASSES_OR_TAGS: tuple[Task, ...] = (*_CLASSES, "multilabel")
_REGRESSION_ONLY: tuple[Task, ...] = ("regression",)
_NUMBERS: tuple[Task, ...] = ("regression", "reconstruction")


@dataclass(frozen=True, slots=True)
class MetricChoice(Choice):
    """One metric; `top_k` is the number of classes that count as predicted, 0 if it has none."""

    top_k: int = 0

    @property
    def direction(self) -> Direction | None:
        """Whether lower or higher values are better; None for a metric of the user."""
        return direction_of(self.name)

    @property
    def range_text(self) -> str:
        """The better direction and the limits, such as `higher, [0, 1]`; "" for user code."""
        if self.direction is None:
            return ""
        low, high = self.limits
        better = "lower" if self.direction == "min" else "higher"
        start = "(-inf" if math.isinf(low) else f"[{low:g}"
        return f"{better}, {start}, {'inf)' if math.isinf(high) else f'{high:g}]'}"

    @property
    def limits(self) -> Limits:
        """The smallest and the largest value of the metric."""
        return limits_of(self.name)


def _classification(
    name: str,
    summary: str,
    source: str,
    *,
    tasks: tuple[Task, ...] = _CLASSES,
    top_k: int = 0,
) -> MetricChoice:
    return MetricChoice(name, summary, source, tasks=tasks, top_k=top_k)


def _regression(
    name: str, summary: str, source: str, *, tasks: tuple[Task, ...] = _REGRESSION_ONLY
) -> MetricChoice:
    return MetricChoice(name, summary, source, tasks=tasks)


METRICS = (
    _classification(
        "accuracy",
        "share of correct predictions: of examples, tokens, pixels or tags; every run with classes"
        " has it",
        "Murphy 2022, section 5.1",
        tasks=(*_TOP_K, "multilabel"),
    ),
    _classification(
        "balanced_accuracy",
        "mean recall of the classes that occur in the split",
        "Brodersen et al. 2010",
    ),
    _classification(
        "exact_match",
        "share of examples of which every tag is correct; every multilabel run has it",
        "Zhou and Zhang 2014",
        tasks=("multilabel",),
    ),
    _classification(
        "f1",
        "F1 of each class or tag, averaged over them (macro); every multilabel run has it",
        "van Rijsbergen 1979; Manning et al. 2008, section 13.6",
        tasks=_CLASSES_OR_TAGS,
    ),
    _classification(
        "f1_micro",
        "F1 of all examples together",
        "Manning et al. 2008, section 13.6",
        tasks=_CLASSES_OR_TAGS,
    ),
    _classification(
        "f1_weighted",
        "F1 of each class, weighted by the number of its examples",
        "Manning et al. 2008, section 13.6",
        tasks=_CLASSES_OR_TAGS,
    ),
    _classification(
        "precision",
        "precision of each class, averaged over the classes (macro)",
        "Manning et al. 2008, section 8.3",
        tasks=_CLASSES_OR_TAGS,
    ),
    _classification(
        "recall",
        "recall of each class, averaged over the classes (macro)",
        "Manning et al. 2008, section 8.3",
        tasks=_CLASSES_OR_TAGS,
    ),
    _classification(
        "specificity",
        "true negative rate of each class, averaged over the classes (macro)",
        "Altman and Bland 1994",
        tasks=_CLASSES_OR_TAGS,
    ),
    _classification(
        "auroc",
        "area under the ROC curve, each class against the rest, averaged over the classes that"
        " have examples of both kinds",
        "Hanley and McNeil 1982; Fawcett 2006",
        tasks=_CLASSES_OR_TAGS,
    ),
    _classification(
        "average_precision",
        "area under the precision-recall curve, averaged over the classes that occur",
        "Manning et al. 2008, section 8.4",
        tasks=_CLASSES_OR_TAGS,
    ),
    _classification(
        "top3",
        "share of targets among the 3 largest outputs",
        "Russakovsky et al. 2015",
        tasks=_TOP_K,
        top_k=3,
    ),
    _classification(
        "top5",
        "share of targets among the 5 largest outputs",
        "Russakovsky et al. 2015",
        tasks=_TOP_K,
        top_k=5,
    ),
    _classification(
        "mean_iou",
        "intersection over union of each class, averaged over the classes that occur in targets or"
        " predictions; every segmentation run has it",
        "Jaccard 1912; Everingham et al. 2010, section 4.2",
        tasks=("segmentation",),
    ),
    _classification(
        "perplexity",
        "exponential of the mean cross-entropy per token; every language model has it",
        "Jelinek et al. 1977",
        tasks=("language_modeling",),
    ),
    _classification("mcc", "Matthews correlation coefficient", "Matthews 1975; Gorodkin 2004"),
    _classification("kappa", "Cohen's kappa: agreement beyond chance", "Cohen 1960"),
    _classification(
        "brier", "squared error of the probabilities, summed over the classes", "Brier 1950"
    ),
    _classification(
        "calibration_error",
        "expected calibration error of the largest probability, 15 bins",
        "Naeini et al. 2015; Guo et al. 2017",
    ),
    _regression(
        "rmse",
        "root mean squared error in the unit of the target; every run with numbers has it",
        "Bishop 2006, eq. 1.3",
        tasks=_NUMBERS,
    ),
    _regression(
        "mae",
        "mean absolute error in the unit of the target; every run with numbers has it",
        "Willmott and Matsuura 2005",
        tasks=_NUMBERS,
    ),
    _regression("mape", "mean absolute error relative to the target", "Hyndman and Koehler 2006"),
    _regression(
        "r2",
        "coefficient of determination; every regression run has it",
        "Draper and Smith 1998, section 1.3",
    ),
    _regression(
        "explained_variance", "1 - variance of the errors / variance of the targets", "Kent 1983"
    ),
    _regression("spearman", "rank correlation of predictions and targets", "Spearman 1904"),
    _regression("pearson", "linear correlation of predictions and targets", "Pearson 1895"),
    _regression(
        "max_error", "largest absolute error, in the unit of the target", "scikit-learn 0.20"
    ),
    MetricChoice(
        "module:",
        "your own: file.py:NAME or package.module:NAME, a function of outputs and targets or a"
        " torchmetrics Metric; :max or :min after the name sets its direction",
        tasks=ALL_TASKS,
    ),
)
