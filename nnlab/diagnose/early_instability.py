"""What the first steps did to a network: whether they threw it far from where it began."""

from nnlab.diagnose.confidence import hill
from nnlab.diagnose.rule_context import RuleContext
from nnlab.diagnose.val_minimum import bounded_ratio

# How many times the loss, and the outputs of a layer, must grow in the first epoch, and what
# share of a layer must die, for a confidence of one half.
_LOSS, _SD, _DIED_SHARE = 1.5, 8.0, 0.5
# Units that die while all is learned harm nobody.
_WELL_TRAINED = 0.9


def measure_early_instability(case: RuleContext) -> tuple[float, dict[str, float]]:
    """A confidence that the first steps were much too long, and the numbers it rests on.

    Needs the probe's numbers of the untrained model.
    """
    grounds: dict[str, tuple[float, float]] = {}
    start, first = case.first("probe/start_loss"), case.first("train/loss")
    if start is not None and first is not None and start > 0:
        grown = bounded_ratio(first, start)
        grounds["loss_grown"] = (grown, hill(grown - 1, _LOSS))
    begun, now = case.layers("start_activation_sd"), case.layers("activation_sd")
    spread = [bounded_ratio(now[layer], begun[layer]) for layer in begun if begun[layer] > 0]
    if spread and all(value == value for value in spread):
        grounds["sd_grown"] = (max(spread), hill(max(spread), _SD))
    alive, dead = case.layers("start_dead"), case.layers("dead", last=True)
    if alive and dead and (case.learned_fraction is None or case.learned_fraction < _WELL_TRAINED):
        died = max(dead[layer] - alive.get(layer, 0.0) for layer in dead)
        grounds["units_died"] = (died, hill(died, _DIED_SHARE))
    sure = max((ground for _, ground in grounds.values()), default=0.0)
    return sure, {name: value for name, (value, ground) in grounds.items() if ground >= 0.5}
