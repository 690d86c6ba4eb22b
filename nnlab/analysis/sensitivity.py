"""The sensitivity of a trained run's loss to changes of its weights."""

from dataclasses import dataclass
from pathlib import Path

import torch

from nnlab import store
from nnlab.engine import transfer
from nnlab.engine.loop import build_session
from nnlab.engine.loss_landscape import LossLandscape, loss_along_line, loss_surface, top_eigenvalue
from nnlab.engine.probe.sensitivity import mean_loss_rise
from nnlab.engine.probe.sensitivity import random_directions as random_directions
from nnlab.engine.seeds import make_generator
from nnlab.errors import UsageError
from nnlab.records import Run
from nnlab.settings import config_of, without_metrics
from nnlab.workers.initial_weights import find_initial_weights

# The largest step along a direction, as a fraction of the length of the weights.
MAX_STEP = 1.0


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Measurements of a run's loss on some training examples.

    `rise` is the measure of `nnlab.engine.probe.sensitivity`. `eigenvalue` is the largest one of
    the Hessian, found in `iterations` power iterations. `lines[d][i]` is the loss at `steps[i]`
    along direction d, and `surface` the loss on a grid over the first two directions.
    """

    run: Run
    examples: int
    loss: float
    gradient_norm: float
    eigenvalue: float
    iterations: int
    converged: bool
    rise: float
    steps: tuple[float, ...]
    lines: tuple[tuple[float, ...], ...]
    surface: tuple[tuple[float, ...], ...]


def measure_sensitivity(
    db: store.Database, run: Run, *, examples: int, grid: int, directions: int
) -> Sensitivity:
    """The sensitivity of a run's stored weights, on the first rows of its training split.

    Args:
        db: the database.
        run: the run.
        examples: the number of training rows.
        grid: the number of steps along each direction, odd and at least 3.
        directions: the number of random directions.

    Raises:
        UsageError: the run kept no weights, or `grid` is even or too small.
        CheckpointError: the weights cannot be read.
    """
    steps = grid_steps(grid)
    landscape = _loss_landscape(db, run, examples)
    directions_drawn = random_directions(landscape.model, directions)
    value = landscape.loss_value()
    sharpest = top_eigenvalue(landscape, make_generator(0, "direction"))
    return Sensitivity(
        run,
        len(landscape.targets),
        value,
        torch.nn.utils.get_total_norm(landscape.gradient()).item(),
        sharpest.value,
        sharpest.iterations,
        sharpest.converged,
        mean_loss_rise(landscape, directions_drawn, value),
        steps,
        tuple(
            tuple(loss_along_line(landscape, direction, steps)) for direction in directions_drawn
        ),
        tuple(
            tuple(row)
            for row in loss_surface(landscape, directions_drawn[0], directions_drawn[1], steps)
        ),
    )


def grid_steps(grid: int) -> tuple[float, ...]:
    """The steps along a direction, symmetric around 0, in lengths of the weights.

    Raises:
        UsageError: `grid` is even or too small.
    """
    if grid < 3 or grid % 2 == 0:
        raise UsageError(f"--grid must be odd and at least 3, got {grid}")
    return tuple(MAX_STEP * (2 * index / (grid - 1) - 1) for index in range(grid))


def _loss_landscape(db: store.Database, run: Run, examples: int) -> LossLandscape:
    weights = find_initial_weights(db, str(run.id)).for_seed(run.known_seed)
    session = build_session(without_metrics(config_of(run.trial.setting, run.known_seed)))
    transfer.load_matching_weights(session.model, transfer.read_weights(Path(weights.path)))
    session.model.eval()
    for parameter in session.model.parameters():
        parameter.requires_grad = True
    train = session.data.train
    return LossLandscape(
        session.model, session.eval_loss, train.examples[:examples], train.targets[:examples]
    )
