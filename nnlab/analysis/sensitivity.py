"""How much the loss of a trained run moves when its weights move."""

from dataclasses import dataclass
from pathlib import Path

import torch

from nnlab import store
from nnlab.config import config_of
from nnlab.engine import transfer
from nnlab.engine.loop import build_session
from nnlab.engine.loss_landscape import LossLandscape, loss_along_line, surface, top_eigenvalue
from nnlab.engine.probe.sensitivity import random_directions as random_directions
from nnlab.engine.probe.sensitivity import rise
from nnlab.engine.seeds import make_generator
from nnlab.errors import UsageError
from nnlab.records import Run
from nnlab.workers.initial_weights import find_initial_weights

# Steps along a direction, of the weights' own length, from one side to the other.
MAX_STEP = 1.0


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What was measured of a run on some training examples.

    `rise` is that of `nnlab.engine.probe.sensitivity`. `lines[d][i]` is the loss at `steps[i]`
    along direction d, `surface` a grid over two of them.
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
    """Measures a run with the weights that it kept, on the first rows of its training split.

    Raises:
        UsageError: the run kept no weights.
        CheckpointError: they cannot be read.
    """
    if grid < 3 or grid % 2 == 0:
        raise UsageError(f"--grid must be odd and at least 3, got {grid}")
    landscape = _loss_landscape(db, run, examples)
    chosen = random_directions(landscape.model, directions)
    steps = tuple(MAX_STEP * (2 * place / (grid - 1) - 1) for place in range(grid))
    value = landscape.value()
    sharpest = top_eigenvalue(landscape, make_generator(0, "direction"))
    return Sensitivity(
        run,
        len(landscape.targets),
        value,
        torch.nn.utils.get_total_norm(landscape.gradient()).item(),
        sharpest.value,
        sharpest.iterations,
        sharpest.converged,
        rise(landscape, chosen, value),
        steps,
        tuple(tuple(loss_along_line(landscape, direction, steps)) for direction in chosen),
        tuple(tuple(row) for row in surface(landscape, chosen[0], chosen[1], steps)),
    )


def _loss_landscape(db: store.Database, run: Run, examples: int) -> LossLandscape:
    weights = find_initial_weights(db, str(run.id)).for_seed(run.seed)
    session = build_session(config_of(run.trial.setting, run.seed))
    transfer.load_matching_weights(session.model, transfer.read_weights(Path(weights.path)))
    session.model.eval()
    for parameter in session.model.parameters():
        parameter.requires_grad = True
    part = session.data.train
    return LossLandscape(
        session.model, session.measured, part.examples[:examples], part.targets[:examples]
    )
