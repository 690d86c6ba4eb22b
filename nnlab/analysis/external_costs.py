"""The cost of a run of another program up to each of its points, from what it logged."""

import math
from typing import Literal

from nnlab import store
from nnlab.errors import UsageError
from nnlab.records import Axis, Curve


def external_costs(
    db: store.Database,
    run_id: int,
    curve: Curve,
    axis: Axis,
    unit: Literal["seconds", "epochs", "steps"],
) -> dict[int, float]:
    """The seconds, epochs or steps up to each position of a curve.

    Raises:
        UsageError: the program did not log them.
    """
    if unit == f"{axis}s":
        return {position: float(position) for position in curve.epochs}
    costs: dict[int, float] = {}
    for step, epoch, seconds in store.sample_clock(db, run_id, curve.metric):
        # Points are at whole epochs, or at steps, as `nnlab.store.evaluation_points` places them.
        position = step if axis == "step" else None if epoch is None else math.ceil(epoch - 1e-6)
        cost = {"seconds": seconds, "epochs": epoch, "steps": step}[unit]
        if position is not None and cost is not None:
            costs[position] = float(cost)
    if not costs:
        raise UsageError(
            f"--x {unit}: the program of run {run_id} did not log the {unit} of {curve.metric}",
            hint=f"--x {axis}s",
        )
    return costs
