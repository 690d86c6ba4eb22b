"""How much the loss of a trained run moves when its weights move."""

from dataclasses import dataclass
from pathlib import Path

import torch

from nnlab import store
from nnlab.config import config_of
from nnlab.engine import transfer
from nnlab.engine.landscape import Landscape, line, surface, top_eigenvalue
from nnlab.engine.loop import start
from nnlab.engine.probe.sensitivity import directions as random_directions
from nnlab.engine.probe.sensitivity import rise
from nnlab.engine.seeds import generator
from nnlab.errors import UsageError
from nnlab.records import Run
from nnlab.workers.initial_weights import find_parents

# Steps along a direction, of the weights' own length, from one side to the other.
REACH = 1.0


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


def sensitivity(
    db: store.Database, run: Run, *, examples: int, grid: int, directions: int
) -> Sensitivity:
    """Measures a run with the weights that it kept, on the first rows of its training split.

    Raises:
        UsageError: the run kept no weights.
        CheckpointError: they cannot be read.
    """
    if grid < 3 or grid % 2 == 0:
        raise UsageError(f"--grid must be odd and at least 3, got {grid}")
    landscape = _landscape(db, run, examples)
    chosen = random_directions(landscape.model, directions)
    steps = tuple(REACH * (2 * place / (grid - 1) - 1) for place in range(grid))
    value = landscape.value()
    sharpest = top_eigenvalue(landscape, generator(0, "direction"))
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
        tuple(tuple(line(landscape, direction, steps)) for direction in chosen),
        tuple(tuple(row) for row in surface(landscape, chosen[0], chosen[1], steps)),
    )


def _landscape(db: store.Database, run: Run, examples: int) -> Landscape:
    weights = find_parents(db, str(run.id)).of(run.seed)
    session = start(config_of(run.trial.setting, run.seed))
    transfer.load_into(session.model, transfer.read_weights(Path(weights.path)))
    session.model.eval()
    for parameter in session.model.parameters():
        parameter.requires_grad = True
    part = session.data.train
    return Landscape(
        session.model, session.measured, part.examples[:examples], part.targets[:examples]
    )
