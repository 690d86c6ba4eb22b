"""NN301: detects gradients that vanish in the first layers of a deep network."""

import math
from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.model_facts import (
    dropout_rate,
    has_normalisation,
    has_squashing_activations,
    hidden_depth,
    remedy_for_model,
)
from nnlab.diagnosis.rule import make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.records import Finding, Severity

# At a confidence of one half: decades between the gradients of the first and last layer, and depth.
_DECADES, _DEPTH = 1.5, 4.0
# More decades are needed in one training batch than without dropout and with `--probe full`.
_DECADES_OF_RATIO, _USUAL_DROPOUT = 2.5, 0.5
_LEARNED_LIMIT, _WELL_TRAINED = 0.5, 0.8
_MIN_RATIO = 1e-30
# The usual update ratio is 1e-3. With much smaller steps no network learns.
_TINY_UPDATE_RATIO = 2e-5


@dataclass(frozen=True, slots=True)
class VanishingGradients:
    """Vanishing gradients: the first layers of a deep network hardly learn.

    Detects: the gradient of the first layer is a small fraction of that of the last layer, from the
    first step on, in a network that does not learn; or, in runs without this measurement, a deep
    network of sigmoid or tanh activations, without normalisation or residual connections, does not
    leave chance level.

    Why it matters: the slope of a sigmoid is at most a quarter, and a gradient is a product of
    such slopes: after ten layers about a millionth is left. The layers near the input keep their
    random weights.

    What to try: `--activation relu` with `--init msra`; `--norm batch`; fewer layers; a residual
    network.
    """

    code: ClassVar[str] = "NN301"
    name: ClassVar[str] = "vanishing gradients"
    remedy: ClassVar[str] = "--activation relu --init msra; --norm batch; fewer layers"

    def check(self, context: RuleContext) -> Finding | None:
        """Needs the probe; with `--probe full` it uses the gradients of each layer."""
        norms = context.values_by_layer("grad_norm", last=True)
        if len(norms) >= 3:
            (first, *_, last) = norms.values()
            confidence = (
                combine_confidences(hill(-math.log10(first / last), _DECADES))
                if 0 < first < last
                else 0.0
            )
            return self._make_finding(
                context, confidence, {"first_grad_norm": first, "last_grad_norm": last}
            )
        unlearned = _LEARNED_LIMIT - _learned(context)
        ratio = _largest_ratio(context)
        if ratio is not None:
            if _is_explained_otherwise(context):
                return None
            confidence = combine_confidences(
                hill(-math.log10(max(ratio, _MIN_RATIO)), _DECADES_OF_RATIO),
                hill(unlearned, _LEARNED_LIMIT / 3),
            )
            return self._make_finding(
                context,
                confidence,
                {"gradient_of_the_first_layer_relative_to_the_last": ratio},
            )
        if (
            context.learned_fraction is None
            or not has_squashing_activations(context)
            or has_normalisation(context)
        ):
            return None
        depth = hidden_depth(context)
        confidence = combine_confidences(hill(depth, _DEPTH), hill(unlearned, _LEARNED_LIMIT / 3))
        return self._make_finding(
            context, confidence, {"depth": depth, "learned": context.learned_fraction}
        )

    def _make_finding(
        self, context: RuleContext, confidence: float, evidence: dict[str, float]
    ) -> Finding | None:
        trained = context.learned_fraction is not None and context.learned_fraction > _WELL_TRAINED
        return make_finding(
            self,
            Severity.INFO if trained else Severity.WARNING,
            confidence,
            1,
            "gradients vanish on the way to the first layers: "
            + ", ".join(
                f"{name.replace('_', ' ')} {value:.3g}" for name, value in evidence.items()
            ),
            evidence,
            remedy=remedy_for_model(context, self.remedy, _remedy_in_model(context)),
        )


def _largest_ratio(context: RuleContext) -> float | None:
    """The gradient of the first layer over that of the last, the larger one of start and end.

    A head that starts at zero, or units that die, make only one of them small.
    """
    start = context.first_value("probe/start_gradient_ratio")
    end = context.median_of_last("probe/gradient_ratio", 1.0)
    ratios = [ratio for ratio in (start, end) if ratio is not None]
    return max(ratios) if ratios else None


def _is_explained_otherwise(context: RuleContext) -> bool:
    """Whether masks of a high dropout rate, or tiny steps, explain a ratio or the lack of learning.

    The masks make the gradients of the first layers small as well.
    """
    update = context.median_of_last("probe/update_ratio", 1.0)
    has_tiny_steps = update is not None and 0 < update < _TINY_UPDATE_RATIO
    return has_tiny_steps or dropout_rate(context) > _USUAL_DROPOUT


def _learned(context: RuleContext) -> float:
    """The fraction that was learned by the median epoch.

    A deep network may begin to learn late, after most of its epochs. If chance level is unknown,
    twice the relative decrease of the training loss.
    """
    if context.learned_fraction is None:
        trend = context.train_trend
        return 0.0 if trend is None else max(trend.fall, 0.0) * 2
    accuracy = context.median_of_last("train/accuracy", 1.0)
    loss = context.median_of_last("train/loss", 1.0)
    chance, entropy = context.chance_accuracy, context.class_entropy
    if accuracy is None or chance is None or loss is None:
        return context.learned_fraction
    by_accuracy = (accuracy - chance) / max(1.0 - chance, 1e-9)
    by_loss = 1.0 - loss / entropy if entropy else 0.0
    return min(context.learned_fraction, max(by_accuracy, by_loss, 0.0))


def _remedy_in_model(context: RuleContext) -> str:
    activation = "" if not has_squashing_activations(context) else "nn.ReLU as activation; "
    return (
        f"{activation}a normalisation layer after each weight; residual connections; fewer layers"
    )
