"""What runs cost: seconds, epochs, steps and energy of the training, and the size of the model."""

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal, get_args

from nnlab import store
from nnlab.engine.batches import steps_per_epoch
from nnlab.errors import CheckpointError
from nnlab.io.text import format_count
from nnlab.records import Artifact, Run
from nnlab.settings import builtin_fields

Cost = Literal["seconds", "epochs", "steps", "energy", "params"]
COSTS: Final[tuple[Cost, ...]] = get_args(Cost)
COST_LABELS: Final[Mapping[Cost, str]] = {
    "seconds": "Training time (s)",
    "epochs": "Epochs",
    "steps": "Training steps",
    "energy": "Energy of the training (J)",
    "params": "Parameters of the model",
}
_TOTALS: Final[Mapping[Cost, str]] = {"seconds": "time/epoch", "energy": "energy/joules"}
# Tensors in a file of weights that are no parameters: the buffers of batch normalisation.
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


def run_costs(db: store.Database, runs: Sequence[Run], cost: Cost) -> dict[int, float]:
    """The cost of each run whose cost is known, by the number of the run.

    Seconds and energy are summed over all epochs; they contain evaluation, but not loading.
    Parameters are counted in the stored weights of one run of each trial.
    """
    if cost == "params":
        return _parameter_counts(db, runs)
    external = {run.id: _external_cost(run, cost) for run in runs if run.origin.is_external}
    known = {run: value for run, value in external.items() if value}
    runs = [run for run in runs if run.id not in external]
    return known | _costs_of_own_runs(db, runs, cost)


def _external_cost(run: Run, cost: Cost) -> float | None:
    """The cost of a run of another program; None if it is unknown."""
    if cost == "seconds":
        return run.wall_seconds
    return float(run.epochs) if cost == f"{run.axis}s" else None


def _costs_of_own_runs(db: store.Database, runs: Sequence[Run], cost: Cost) -> dict[int, float]:
    if cost == "epochs":
        return {run.id: float(run.epochs) for run in runs if run.epochs}
    metric = _TOTALS.get(cost, "data/train")
    histories = store.histories(db, [run.id for run in runs], [metric])
    costs = {}
    for run in runs:
        curve = histories[run.id].get(metric) if run.id in histories else None
        if curve is None or not len(curve):
            continue
        if cost == "steps":
            batch_size = builtin_fields(run.trial.setting).get("batch_size")  # None is a full batch
            size = batch_size if isinstance(batch_size, int) else None
            costs[run.id] = float(run.epochs * steps_per_epoch(int(curve.values[0]), size))
        else:
            costs[run.id] = math.fsum(curve.values)
    return {run: value for run, value in costs.items() if math.isfinite(value) and value > 0}


def unknown_cost_reason(cost: Cost) -> str:
    """Why a cost may be unknown, for notes and error messages."""
    match cost:
        case "energy":
            return "the machine reported no energy"
        case "params":
            return "no weights are stored"
        case "steps":
            return "the number of training examples is unknown"
    return f"no {cost} are recorded"


def shared_time_notes(db: store.Database, runs: Sequence[int], cost: Cost) -> list[str]:
    """A note if runs were trained together in one program, whose time and energy they share."""
    if cost not in ("seconds", "energy"):
        return []
    together = {
        attempt.run_id
        for attempt in store.attempts_of_runs(db, runs)
        if attempt.engine is not None and attempt.engine.startswith("stacked")
    }
    if not together:
        return []
    return [
        f"{format_count(len(together), 'run')} trained together with others in one program: each"
        f" has an equal share of its {'time' if cost == 'seconds' else cost}; --engine solo"
        " measures runs alone"
    ]


def _parameter_counts(db: store.Database, runs: Sequence[Run]) -> dict[int, float]:
    """The number of parameters of each run of a trial with stored weights."""
    by_trial: dict[int, float] = {}
    without_weights: set[int] = set()
    counts = {}
    for run in runs:
        if run.trial.id not in by_trial and run.id not in without_weights:
            count = _count_stored_parameters(db, run)
            if count is None:
                without_weights.add(run.id)
            else:
                by_trial[run.trial.id] = count
    for run in runs:
        if run.trial.id in by_trial:
            counts[run.id] = by_trial[run.trial.id]
    return counts


def _count_stored_parameters(db: store.Database, run: Run) -> float | None:
    """The number of parameters in the weights of a run; None if they are not stored or lost."""
    weights = next((file for file in store.artifacts(db, run.id) if file.kind == "model"), None)
    if weights is None:
        return None
    try:
        return float(_count_parameters(db, run, weights))
    except (OSError, CheckpointError):
        return None


def _count_parameters(db: store.Database, run: Run, weights: Artifact) -> int:
    """The number of parameters in a file; of safetensors only the shapes are read."""
    # Here, because importing torch takes longer than most figures.
    from safetensors import SafetensorError, safe_open

    path = store.artifacts_folder(db, run.artifacts).local(weights.path, weights.sha256)
    if path.suffix == ".safetensors":
        try:
            with safe_open(path, framework="numpy") as file:
                shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise CheckpointError(f"cannot read {path}: {error}") from error
    else:
        from nnlab.engine.transfer import read_weights

        shapes = {name: list(tensor.shape) for name, tensor in read_weights(path).items()}
    return sum(
        math.prod(shape)
        for name, shape in shapes.items()
        if name.rpartition(".")[2] not in _BUFFERS
    )
