"""What a rule gets to see of a run: its curves, its setting where that is known, measurements."""

import math
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType

from nnlab.diagnose.loss_pair import LossPair, error_pair, error_rates, loss_pair
from nnlab.diagnose.smoothing import low_median
from nnlab.diagnose.trend import Trend, measure_trend
from nnlab.diagnose.val_minimum import ValMinimum, measure_val_minimum
from nnlab.records import Curve, History, Scalar


class RuleContext:
    """A history to be judged; everything beside its curves may be unknown.

    `setting` is that of the run, empty for curves from elsewhere. Properties are measured once,
    when a rule first asks.
    """

    def __init__(
        self, history: History, setting: Mapping[str, Scalar] = MappingProxyType({})
    ) -> None:
        self.history, self.setting = history, setting

    @cached_property
    def pair(self) -> LossPair | None:
        """Training and validation loss side by side; error rates where there are no losses."""
        return loss_pair(self.history) or error_pair(self.history)

    @cached_property
    def val_minimum(self) -> ValMinimum | None:
        """How validation turned away from training."""
        return measure_val_minimum(self.pair) if self.pair is not None else None

    @cached_property
    def training(self) -> Trend | None:
        """The way of the training loss; of the error rate where there is no loss."""
        curve = self.history.get("train/loss") or error_rates(self.history.get("train/accuracy"))
        return measure_trend(curve) if curve else None

    @cached_property
    def val_trend(self) -> Trend | None:
        """The way of the validation loss, at the epochs that training was measured at too."""
        pair = self.pair
        return measure_trend(Curve("val/loss", pair.epochs, pair.val)) if pair is not None else None

    @cached_property
    def chance_accuracy(self) -> float | None:
        """The accuracy of always guessing the most frequent class; None where it is unknown."""
        majority, classes = self.data_statistic("majority"), self.data_statistic("classes")
        if majority is not None:
            return majority
        return 1.0 / classes if classes else None

    @cached_property
    def learned_fraction(self) -> float | None:
        """How much of what there is to learn training learned at best, from 0 to 1.

        Of accuracy from chance to 1, or of the loss from that of guessing to 0, whichever is more:
        with 1 % positives accuracy stays that of guessing long after the loss has left it. Or r2.
        None where neither is known.
        """
        accuracy, r2 = self._best_value("train/accuracy"), self._best_value("train/r2")
        if accuracy is not None and self.chance_accuracy is not None:
            by_accuracy = (accuracy - self.chance_accuracy) / max(1.0 - self.chance_accuracy, 1e-9)
            return max(0.0, by_accuracy, self._learned_by_loss or 0.0)
        return None if r2 is None else max(0.0, r2)

    @cached_property
    def class_entropy(self) -> float | None:
        """The cross entropy of always predicting the class frequencies, in nats.

        Where only the share of the largest class is known, the least that it can be: that of two
        classes. None where that is unknown too.
        """
        entropy, majority = self.data_statistic("entropy"), self.data_statistic("majority")
        if entropy is not None or majority is None:
            return entropy
        return -sum(p * math.log(p) for p in (majority, 1.0 - majority) if p > 0)

    @property
    def _learned_by_loss(self) -> float | None:
        """How far cross entropy fell below that of guessing; None for any other loss."""
        if self.setting.get("loss", "cross_entropy") not in ("cross_entropy", "nll"):
            return None
        losses = sorted(self._finite_values("train/loss"))[:3]
        if not losses or not self.class_entropy:
            return None
        return 1.0 - low_median(losses) / self.class_entropy

    @property
    def is_classification(self) -> bool:
        """Whether classes are learned, as far as the curves tell."""
        return any(name.endswith("/accuracy") for name in self.history.curves)

    def data_statistic(self, name: str) -> float | None:
        """A number of the data (`data/<name>`), None where it was not measured."""
        curve = self.history.get(f"data/{name}")
        return curve.values[0] if curve else None

    def first(self, metric: str) -> float | None:
        """The first finite value of a metric."""
        return next(iter(self._finite_values(metric)), None)

    def median_of_last(self, metric: str, share: float = 0.5) -> float | None:
        """The median of a metric over the last `share` of its values."""
        values = self._finite_values(metric)
        return low_median(values[int(len(values) * (1 - share)) :]) if values else None

    def layers(self, what: str, *, last: bool = False) -> dict[int, float]:
        """`probe/<what>/<layer>` by layer, deepest last: the first values, or the last."""
        found = {}
        for name, curve in self.history.curves.items():
            prefix, _, layer = name.rpartition("/")
            if prefix == f"probe/{what}" and layer.isdigit() and curve:
                found[int(layer)] = curve.values[-1 if last else 0]
        return dict(sorted(found.items()))

    def layers_at_start(self, what: str) -> dict[int, float]:
        """The same of the untrained model; of the first epoch where that was not measured."""
        return self.layers(f"start_{what}") or self.layers(what)

    def number(self, field: str) -> float | None:
        """A field of the setting as a number, None where it is unknown or no number."""
        value = self.setting.get(field)
        return float(value) if isinstance(value, int | float) else None

    def _finite_values(self, metric: str) -> list[float]:
        curve = self.history.get(metric)
        return [value for value in curve.values if math.isfinite(value)] if curve else []

    def _best_value(self, metric: str) -> float | None:
        """The median of the best three: one lucky epoch is not learned."""
        values = sorted(self._finite_values(metric))[-3:]
        return low_median(values) if values else None
