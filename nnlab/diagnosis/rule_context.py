"""The input of the diagnosis rules: the curves of a run, its setting, and shared measurements."""

import math
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType

from nnlab.diagnosis.accuracy_drop import implied_examples
from nnlab.diagnosis.loss_pair import LossPair, error_pair, error_rates, loss_pair
from nnlab.diagnosis.smoothing import low_median
from nnlab.diagnosis.trend import Trend, measure_trend
from nnlab.diagnosis.val_increase import val_increase_confidence
from nnlab.diagnosis.val_minimum import ValMinimum, measure_val_minimum
from nnlab.records import Curve, History, Scalar


class RuleContext:
    """The history of a run, and its setting, which is empty for curves from elsewhere.

    Properties are computed once, when a rule first reads them.
    """

    def __init__(
        self, history: History, setting: Mapping[str, Scalar] = MappingProxyType({})
    ) -> None:
        self.history, self.setting = history, setting
        self._finite: dict[str, list[float]] = {}
        self._medians: dict[tuple[str, float], float | None] = {}

    @cached_property
    def loss_pair(self) -> LossPair | None:
        """Training and validation loss at the same epochs; error rates if there are no losses."""
        return loss_pair(self.history) or error_pair(self.history)

    @cached_property
    def val_minimum(self) -> ValMinimum | None:
        """The minimum of validation loss, and the changes of both losses after it."""
        return measure_val_minimum(self.loss_pair) if self.loss_pair is not None else None

    @cached_property
    def val_increase(self) -> float:
        """The confidence that validation loss rose while training loss kept falling."""
        if self.val_minimum is None:
            return 0.0
        return val_increase_confidence(self.val_minimum, self.val_examples)

    @cached_property
    def train_trend(self) -> Trend | None:
        """The trend of training loss; of the error rate if there is no loss."""
        curve = self.history.get("train/loss") or error_rates(self.history.get("train/accuracy"))
        return measure_trend(curve) if curve else None

    @cached_property
    def val_trend(self) -> Trend | None:
        """The trend of validation loss, at the epochs with a training loss."""
        pair = self.loss_pair
        return measure_trend(Curve("val/loss", pair.epochs, pair.val)) if pair is not None else None

    @cached_property
    def chance_accuracy(self) -> float | None:
        """The accuracy of always predicting the most frequent class; None if it is unknown."""
        majority, classes = self.data_statistic("majority"), self.data_statistic("classes")
        if majority is not None:
            return majority
        return 1.0 / classes if classes else None

    @cached_property
    def learned_fraction(self) -> float | None:
        """The best progress of training between guessing (0) and a perfect fit (1).

        For classification it is the progress of accuracy from chance level to 1, or of cross
        entropy from that of guessing to 0, whichever is larger: with 1 % positives, accuracy stays
        at chance level long after the loss has improved. For regression it is r2. None if it is
        unknown.
        """
        accuracy, r2 = self.best_value("train/accuracy"), self.best_value("train/r2")
        if accuracy is not None and self.chance_accuracy is not None:
            by_accuracy = (accuracy - self.chance_accuracy) / max(1.0 - self.chance_accuracy, 1e-9)
            return max(0.0, by_accuracy, self._learned_by_loss or 0.0)
        return None if r2 is None else max(0.0, r2)

    @cached_property
    def val_learned_fraction(self) -> float | None:
        """The progress of validation accuracy from chance level (0) to 1 at the end of the run.

        For regression it is r2. None if it is unknown.
        """
        accuracy, r2 = (self.median_of_last(f"val/{name}", 0.25) for name in ("accuracy", "r2"))
        if accuracy is not None and self.chance_accuracy is not None:
            learned = (accuracy - self.chance_accuracy) / max(1.0 - self.chance_accuracy, 1e-9)
            return max(0.0, learned)
        return None if r2 is None else max(0.0, r2)

    @property
    def unlearned_fraction(self) -> float:
        """What is left between the best progress of training and a perfect fit; 1 if unknown."""
        return 1.0 if self.learned_fraction is None else 1.0 - self.learned_fraction

    @cached_property
    def class_entropy(self) -> float | None:
        """The cross entropy of always predicting the class frequencies, in nats.

        If only the share of the largest class is known, it is the smallest possible value, which
        is that of two classes. None if this share is unknown too.
        """
        entropy, majority = self.data_statistic("entropy"), self.data_statistic("majority")
        if entropy is not None or majority is None:
            return entropy
        return -sum(p * math.log(p) for p in (majority, 1.0 - majority) if p > 0)

    @property
    def _learned_by_loss(self) -> float | None:
        """The fraction by which cross entropy fell below that of guessing; None if not used."""
        if self.setting.get("loss", "cross_entropy") not in ("cross_entropy", "nll"):
            return None
        losses = sorted(self._finite_values("train/loss"))[:3]
        if not losses or not self.class_entropy:
            return None
        return 1.0 - low_median(losses) / self.class_entropy

    @property
    def is_classification(self) -> bool:
        """Whether the run is a classification, judged by the existence of accuracies."""
        return any(name.endswith("/accuracy") for name in self.history.curves)

    @property
    def accuracy_examples(self) -> float | None:
        """The number of validation examples that the accuracy counts; None if it is unknown.

        It is unknown for tags, tokens and pixels, of which an example has several.
        """
        return self.data_statistic("val") if self.data_statistic("classes") else None

    @cached_property
    def val_examples(self) -> float | None:
        """The number of validation examples, as measured or as the accuracies imply; or None."""
        curve = self.history.get("val/accuracy")
        return self.data_statistic("val") or (implied_examples(curve.values) if curve else None)

    def data_statistic(self, name: str) -> float | None:
        """A statistic of the data (`data/<name>`); None if it was not measured."""
        curve = self.history.get(f"data/{name}")
        return curve.values[0] if curve else None

    def first_value(self, metric: str) -> float | None:
        """The first finite value of a metric; None if there is none."""
        return next(iter(self._finite_values(metric)), None)

    def best_value(self, metric: str) -> float | None:
        """The lower median of the three highest values, because one epoch may be luck; or None."""
        values = sorted(self._finite_values(metric))[-3:]
        return low_median(values) if values else None

    def median_of_last(self, metric: str, share: float = 0.5) -> float | None:
        """The lower median of the last `share` of a metric's finite values; None without values."""
        if (metric, share) not in self._medians:
            values = self._finite_values(metric)
            median = low_median(values[int(len(values) * (1 - share)) :]) if values else None
            self._medians[metric, share] = median
        return self._medians[metric, share]

    def values_by_layer(self, quantity: str, *, last: bool = False) -> dict[int, float]:
        """The first (or last) values of `probe/<quantity>/<layer>` by layer, deepest layer last."""
        values = {}
        for name, curve in self.history.curves.items():
            prefix, _, layer = name.rpartition("/")
            if prefix == f"probe/{quantity}" and layer.isdigit() and curve:
                values[int(layer)] = curve.values[-1 if last else 0]
        return dict(sorted(values.items()))

    def values_by_layer_at_start(self, quantity: str) -> dict[int, float]:
        """The values of the untrained model, or of the first epoch if these were not measured."""
        return self.values_by_layer(f"start_{quantity}") or self.values_by_layer(quantity)

    def numeric_setting(self, field: str) -> float | None:
        """A field of the setting as a number; None if it is unknown or not a number."""
        value = self.setting.get(field)
        return float(value) if isinstance(value, int | float) else None

    def _finite_values(self, metric: str) -> list[float]:
        if metric not in self._finite:
            curve = self.history.get(metric)
            values = [value for value in curve.values if math.isfinite(value)] if curve else []
            self._finite[metric] = values
        return self._finite[metric]
