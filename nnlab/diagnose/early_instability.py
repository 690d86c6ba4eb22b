"""What the first steps did to a network: whether they threw it far from where it began."""

from nnlab.diagnose.confidence import ramp
from nnlab.diagnose.rule_context import Case
from nnlab.diagnose.val_minimum import ratio

# How many times the loss, and the outputs of a layer, must grow in the first epoch, and what
# share of a layer must die, for a confidence of one half.
_LOSS, _SD, _DIED = 1.5, 8.0, 0.5
# Units that die while all is learned harm nobody.
_WELL = 0.9


def thrown_about(case: Case) -> tuple[float, dict[str, float]]:
    """A confidence that the first steps were much too long, and the numbers it rests on.

    Needs the probe's numbers of the untrained model.
    """
    grounds: dict[str, tuple[float, float]] = {}
    start, first = case.first("probe/start_loss"), case.first("train/loss")
    if start is not None and first is not None and start > 0:
        grown = ratio(first, start)
        grounds["loss_grown"] = (grown, ramp(grown - 1, _LOSS))
    begun, now = case.layers("start_activation_sd"), case.layers("activation_sd")
    spread = [ratio(now[layer], begun[layer]) for layer in begun if begun[layer] > 0]
    if spread and all(value == value for value in spread):
        grounds["sd_grown"] = (max(spread), ramp(max(spread), _SD))
    alive, dead = case.layers("start_dead"), case.layers("dead", last=True)
    if alive and dead and (case.learned is None or case.learned < _WELL):
        died = max(dead[layer] - alive.get(layer, 0.0) for layer in dead)
        grounds["units_died"] = (died, ramp(died, _DIED))
    sure = max((ground for _, ground in grounds.values()), default=0.0)
    return sure, {name: value for name, (value, ground) in grounds.items() if ground >= 0.5}
