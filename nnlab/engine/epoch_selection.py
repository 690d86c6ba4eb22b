"""Which epoch of a run is selected: the best one by the objective, with ties broken.

Importing this does not need torch.
"""

import math
from collections.abc import Sequence

from nnlab.objective import Objective


def is_better_epoch(
    objective: Objective,
    candidate: tuple[float, float],
    selected: tuple[float, float],
    *,
    breaks_ties: bool = True,
) -> bool:
    """Whether a later epoch replaces the selected one.

    A better objective wins. Where the objective is equal, the lower val/loss wins, and where that
    is equal too, the later epoch. NaN is worse than any number, and never equal in the objective.

    Args:
        objective: of the run.
        candidate: (objective, val/loss) of the later epoch.
        selected: (objective, val/loss) of the epoch that is selected so far.
        breaks_ties: False keeps the first of equal epochs, as earlier versions of nnlab did.

    >>> accuracy = Objective.parse("val/accuracy")
    >>> is_better_epoch(accuracy, (1.0, 0.002), (1.0, 0.3))
    True
    >>> is_better_epoch(accuracy, (1.0, 0.4), (1.0, 0.3))
    False
    """
    (value, loss), (selected_value, selected_loss) = candidate, selected
    if value != selected_value or not breaks_ties:
        return objective.is_better(value, selected_value)
    if math.isnan(loss) or math.isnan(selected_loss):
        return math.isnan(selected_loss)
    return loss <= selected_loss


def find_selected_epoch(
    objective: Objective,
    values: Sequence[float],
    val_losses: Sequence[float],
    *,
    breaks_ties: bool = True,
) -> int:
    """The selected epoch, counted from 1, of an objective and a val/loss for each epoch.

    >>> selected_epoch_of(Objective.parse("val/accuracy"), [0.5, 1.0, 1.0], [2.0, 0.3, 0.1])
    3
    """
    pairs = list(zip(values, val_losses, strict=True))
    selected = 0
    for epoch in range(1, len(pairs)):
        if is_better_epoch(objective, pairs[epoch], pairs[selected], breaks_ties=breaks_ties):
            selected = epoch
    return selected + 1
