"""The straight line between the solutions of two runs: the metrics along it, and their distance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch.nn.modules.batchnorm import _BatchNorm

from nnlab import store
from nnlab.engine import transfer
from nnlab.engine.data.prepare import SplitTensors
from nnlab.engine.hidden_units import StateDict, hidden_layers, match_units, permute_units
from nnlab.engine.interpolation import loss_barrier, relative_distance, weights_between
from nnlab.engine.loop import build_session
from nnlab.engine.session import Session
from nnlab.engine.weight_average import recompute_batch_norm_statistics
from nnlab.errors import UsageError
from nnlab.records import Run
from nnlab.settings import config_of, without_metrics
from nnlab.workers.initial_weights import find_initial_weights

# More rows would not change the barrier much, and the line has many points.
MAX_EXAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Line:
    """The straight line between two weights: metrics by name at each position, and the distance.

    Metrics are named `train/loss`, `val/accuracy`, .... The distance is relative to the norms of
    the weights (`nnlab.engine.interpolation.relative_distance`).
    """

    positions: tuple[float, ...]
    metrics: Mapping[str, tuple[float, ...]]
    distance: float

    def barrier(self, metric: str = "train/loss") -> float:
        """The barrier of a loss on the line, in the unit of the loss."""
        return loss_barrier(self.positions, self.metrics[metric])


@dataclass(frozen=True, slots=True)
class Interpolation:
    """The lines between the selected weights of two runs, as they are and aligned.

    `aligned` is the line after the hidden units of the second network were permuted to match those
    of the first; None if its units cannot be permuted, and `not_aligned` says why.
    """

    first: Run
    second: Run
    raw: Line
    aligned: Line | None
    not_aligned: str = ""


def measure_interpolation(
    db: store.Database,
    first: Run,
    second: Run,
    *,
    points: int,
    splits: Sequence[str] = ("train", "val"),
) -> Interpolation:
    """The metrics on the line between the selected weights of two runs of one architecture.

    They are measured on at most `MAX_EXAMPLES` rows of each split. The statistics of batch
    normalisation are computed anew at each point: averages of them belong to neither network.

    Args:
        db: the database, which is only read.
        first: the run at position 0; its data and loss are used.
        second: the run at position 1.
        points: the number of positions, at least 3.
        splits: `train`, `val` or both.

    Raises:
        UsageError: a run kept no weights, or the runs have different data or architectures.
        CheckpointError: weights cannot be read.
    """
    if points < 3:
        raise UsageError(f"--points must be at least 3, got {points}")
    files = [
        find_initial_weights(db, str(run.id)).for_seed(run.known_seed).path
        for run in (first, second)
    ]
    _check_same_data(first, second)
    session = build_session(without_metrics(config_of(first.trial.setting, first.known_seed)))
    start, end = (_load_solution(session, path, (first, second)) for path in files)
    positions = tuple(index / (points - 1) for index in range(points))
    raw = _measure_line(session, start, end, positions, splits)
    try:
        layers = hidden_layers(session.model)
    except UsageError as error:
        return Interpolation(first, second, raw, None, error.message)
    permuted = permute_units(layers, end, match_units(layers, start, end))
    return Interpolation(
        first, second, raw, _measure_line(session, start, permuted, positions, splits)
    )


def _check_same_data(first: Run, second: Run) -> None:
    """Checks that both runs were trained on the same data.

    Raises:
        UsageError: they were not.
    """
    first_data, second_data = (run.trial.setting.get("data") for run in (first, second))
    if first_data != second_data:
        raise UsageError(
            f"run {first.id} was trained on {first_data} and run {second.id} on {second_data}:"
            " a line between their weights has no loss",
            hint="name two runs of the same data and model",
        )


def _load_solution(session: Session, path: Path, runs: tuple[Run, Run]) -> StateDict:
    """A copy of the state dict of stored weights, which stay in the session's model.

    Raises:
        UsageError: they are of another architecture than the session's model.
    """
    report = transfer.load_matching_weights(session.model, transfer.read_weights(path))
    if report.shape_mismatches or report.missing or report.unexpected:
        raise UsageError(
            f"runs {runs[0].id} and {runs[1].id} have different architectures: {report}",
            hint="name two runs with the same --model, --width, --depth and --norm",
        )
    return {name: tensor.detach().clone() for name, tensor in session.model.state_dict().items()}


def _measure_line(
    session: Session,
    start: StateDict,
    end: StateDict,
    positions: tuple[float, ...],
    splits: Sequence[str],
) -> Line:
    values: dict[str, list[float]] = {}
    for position in positions:
        session.model.load_state_dict(weights_between(start, end, position))
        for name, value in _evaluate(session, splits).items():
            values.setdefault(name, []).append(value)
    parameters = [name for name, _ in session.model.named_parameters()]
    return Line(
        positions,
        {name: tuple(numbers) for name, numbers in values.items()},
        relative_distance(start, end, parameters),
    )


def _evaluate(session: Session, splits: Sequence[str]) -> dict[str, float]:
    """The metrics of the session's model on the first rows of some splits, by full name."""
    norms = [module for module in session.model.modules() if isinstance(module, _BatchNorm)]
    if norms:
        examples = session.data.train.examples[:MAX_EXAMPLES]
        recompute_batch_norm_statistics(session.model, norms, examples)
    values: dict[str, float] = {}
    for split in splits:
        rows = _first_rows(session.data.train if split == "train" else session.data.val)
        values |= {f"{split}/{name}": v for name, v in session.evaluate_split(rows).items()}
    return values


def _first_rows(part: SplitTensors) -> SplitTensors:
    return SplitTensors(part.examples[:MAX_EXAMPLES], part.targets[:MAX_EXAMPLES])
