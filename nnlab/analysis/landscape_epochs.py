"""The loss around the weights of a run after each epoch, for animations.

A run keeps the weights of its selected epoch only, so it is trained again.
"""

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from nnlab import store
from nnlab.analysis.sensitivity import grid_steps, random_directions
from nnlab.engine.loop import build_session, train
from nnlab.engine.loss_landscape import LossLandscape, loss_along_line, loss_surface
from nnlab.engine.session import Session
from nnlab.errors import UsageError
from nnlab.records import Run
from nnlab.settings import config_of, without_metrics
from nnlab.stats import format_duration
from nnlab.workers.initial_weights import load_initial_weights

# A run that was trained for longer is not trained again for a figure.
MAX_TRAINING_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class LandscapeEpoch:
    """The loss around the weights after an epoch; epoch 0 is the untrained model.

    `lines[d][i]` is the loss at `steps[i]` along direction d, and `surface` the loss on a grid over
    the first two directions, as in `Sensitivity`. The random directions are the same in all epochs,
    scaled by the norms of the filters.
    """

    epoch: int
    steps: tuple[float, ...]
    lines: tuple[tuple[float, ...], ...]
    surface: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class RetrainedLandscape:
    """The measured epochs, and the largest relative difference from the stored training losses."""

    epochs: tuple[LandscapeEpoch, ...]
    max_loss_difference: float


def measure_landscape_epochs(
    db: store.Database,
    run: Run,
    epochs: Sequence[int],
    *,
    examples: int,
    grid: int,
    directions: int,
) -> RetrainedLandscape:
    """The loss around the weights after some epochs of a run, which is trained again.

    Args:
        db: the database, which is only read.
        run: the run.
        epochs: the epochs, ascending.
        examples: the number of training rows.
        grid: the number of steps along each direction, odd and at least 3.
        directions: the number of random directions.

    Raises:
        UsageError: the run took longer than `MAX_TRAINING_SECONDS`, or `grid` is even.
        NnlabError: the run cannot be trained again.
    """
    store.check_trained_by_nnlab(run, "train it again")
    steps = grid_steps(grid)
    seconds = run.device_seconds or run.wall_seconds or 0.0
    if seconds > MAX_TRAINING_SECONDS:
        raise UsageError(
            f"run {run.id} keeps the weights of one epoch and would be trained again, which took"
            f" {format_duration(seconds)}; the limit is {format_duration(MAX_TRAINING_SECONDS)}",
            hint="draw the landscape of its selected epoch as .pdf, or train with fewer --epochs",
        )
    config = without_metrics(config_of(run.trial.setting, run.known_seed))
    session = build_session(replace(config, probe="none", max_time=None))
    load_initial_weights(db, session, run, lambda _: None)
    stored = store.history(db, run.id).get("train/loss")
    losses = dict(stored) if stored is not None else {}
    measured: list[LandscapeEpoch] = []
    difference = 0.0
    for epoch, loss in _trained_epochs(session, run.epochs):
        if epoch in losses:
            difference = max(difference, _relative_difference(losses[epoch], loss))
        if epoch in epochs:
            measured.append(_measure_epoch(session, epoch, steps, examples, directions))
    return RetrainedLandscape(tuple(measured), difference)


def _trained_epochs(session: Session, last: int) -> Iterator[tuple[int, float]]:
    """Trains; yields each epoch and its training loss, NaN for the untrained model."""
    yield 0, math.nan
    for epoch in train(session, lambda: session.epoch >= last):
        yield epoch.number, epoch.values["train/loss"]


def _measure_epoch(
    session: Session, epoch: int, steps: tuple[float, ...], examples: int, directions: int
) -> LandscapeEpoch:
    with session.averaged_weights():
        model = copy.deepcopy(session.model)  # the training continues with the original
    model.eval()
    for parameter in model.parameters():
        parameter.requires_grad = True
    rows = session.data.train
    landscape = LossLandscape(
        model, session.eval_loss, rows.examples[:examples], rows.targets[:examples]
    )
    drawn = random_directions(model, directions)
    return LandscapeEpoch(
        epoch,
        steps,
        tuple(tuple(loss_along_line(landscape, direction, steps)) for direction in drawn),
        tuple(tuple(row) for row in loss_surface(landscape, drawn[0], drawn[1], steps)),
    )


def _relative_difference(stored: float, retrained: float) -> float:
    if stored == retrained or not (math.isfinite(stored) and math.isfinite(retrained)):
        return 0.0
    return abs(stored - retrained) / max(abs(stored), abs(retrained))
