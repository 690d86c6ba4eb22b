"""Measurement of whether the first steps of a run were much too long, for the rule NN202."""

import math

from nnlab.diagnosis.confidence import hill
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.diagnosis.val_minimum import bounded_ratio

# The growth factors of the loss and of a layer's outputs in the first epoch, and the fraction of a
# layer's units that die, at a confidence of one half.
_LOSS, _SD, _DIED_SHARE = 1.5, 8.0, 0.5
# Dead units do no harm in a run that learned: the fraction not learned at a confidence of one half.
_UNLEARNED = 0.3


def measure_early_instability(context: RuleContext) -> tuple[float, dict[str, float]]:
    """The confidence that the first steps were much too long, and its evidence.

    It needs the probe's measurements of the untrained model.
    """
    criteria: dict[str, tuple[float, float]] = {}
    start, first = context.first_value("probe/start_loss"), context.first_value("train/loss")
    if start is not None and first is not None and start > 0:
        grown = bounded_ratio(first, start)
        criteria["loss_grown"] = (grown, hill(grown - 1, _LOSS))
    sd_start = context.values_by_layer("start_activation_sd")
    sd_after = context.values_by_layer("activation_sd")
    growth = [
        bounded_ratio(sd_after[i], sd_start[i])
        for i in sd_start
        if i in sd_after and sd_start[i] > 0
    ]
    if growth and not any(math.isnan(factor) for factor in growth):
        criteria["sd_grown"] = (max(growth), hill(max(growth), _SD))
    dead_start = context.values_by_layer("start_dead")
    dead_end = context.values_by_layer("dead", last=True)
    if dead_start and dead_end:
        died = max(dead_end[layer] - dead_start.get(layer, 0.0) for layer in dead_end)
        unlearned = 1.0 - learned_in_total(context)
        criteria["units_died"] = (died, min(hill(died, _DIED_SHARE), hill(unlearned, _UNLEARNED)))
    confidence = max((score for _, score in criteria.values()), default=0.0)
    return confidence, {name: value for name, (value, score) in criteria.items() if score >= 0.5}


def learned_in_total(context: RuleContext) -> float:
    """What the run learned at its end, in training or in validation; 0 if it is unknown.

    In the first epochs the accuracy of training is a mean over weights that were still worse.
    """
    return max(context.learned_fraction or 0.0, context.val_learned_fraction or 0.0)
