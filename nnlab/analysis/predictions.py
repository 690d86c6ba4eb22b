"""The predictions of a trained run for one split, computed from its stored weights."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nnlab import store
from nnlab.engine import transfer
from nnlab.engine.data.prepare import PreparedData
from nnlab.engine.data.split_dataset import read_and_split
from nnlab.engine.evaluation import compute_outputs
from nnlab.engine.loop import build_session
from nnlab.errors import UsageError
from nnlab.records import Run
from nnlab.settings import config_of, without_metrics
from nnlab.workers.initial_weights import find_initial_weights

SPLITS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class Predictions:
    """The predictions of a run for the n examples of a split.

    For classification `probabilities` has shape [n, classes] and `targets` holds class indices,
    shape [n]. For regression `classes` is empty, and both have shape [n] in the unit of the
    target. `rows` are indices into the data set, and `examples` its raw values, shape [n, ...].
    """

    run: int
    classes: tuple[str, ...]
    probabilities: NDArray[np.float64]
    targets: NDArray[Any]
    rows: tuple[int, ...]
    examples: NDArray[Any]
    signal: bool

    @property
    def errors(self) -> list[float]:
        """The absolute error of each prediction of a regression, in the unit of the target."""
        errors: list[float] = np.abs(self.probabilities - self.targets).tolist()
        return errors

    def truth(self, i: int) -> str:
        """The class name or target value of an example, as text."""
        return self.classes[int(self.targets[i])] if self.classes else f"{self.targets[i]:.4g}"

    def predicted(self, i: int) -> str:
        """The predicted class with its probability, or the predicted value, as text."""
        if not self.classes:
            return f"{self.probabilities[i]:.4g}"
        best = int(self.probabilities[i].argmax())
        return f"{self.classes[best]} {self.probabilities[i, best]:.2f}"


def predict_split(db: store.Database, run: Run, split: str = "val") -> Predictions:
    """The predictions of a run's stored weights for a split.

    Raises:
        UsageError: there is no such split, the run kept no weights, or its targets are not one
            class or one number per example.
        CheckpointError: the weights cannot be read.
        DataError: the data set cannot be used.
    """
    if split not in SPLITS:
        raise UsageError(f"--split {split}: one of {', '.join(SPLITS)}")
    weights = find_initial_weights(db, str(run.id)).for_seed(run.known_seed)
    config = config_of(run.trial.setting, run.known_seed)
    session = build_session(without_metrics(config))
    _check_has_one_target(run, session.data)
    transfer.load_matching_weights(session.model, transfer.read_weights(weights.path))
    split_data = getattr(session.data, split)
    outputs = compute_outputs(session.model, session.model, split_data).double()
    split_dataset = read_and_split(config)
    dataset, rows = split_dataset.dataset, getattr(split_dataset.rows, split)
    if dataset.task == "classification":
        predicted = torch.softmax(outputs, dim=1).cpu().numpy()
        targets = split_data.targets.cpu().numpy()
        classes = tuple(dataset.classes)
    else:
        train = np.asarray(dataset.targets, np.float64)[split_dataset.rows.train]
        predicted = outputs[:, 0].cpu().numpy() * session.data.target_scale + train.mean()
        targets = np.asarray(dataset.targets, np.float64)[rows]
        classes = ()
    return Predictions(
        run.id,
        classes,
        predicted,
        targets,
        tuple(int(row) for row in rows),
        dataset.examples[rows],
        dataset.signal,
    )


def _check_has_one_target(run: Run, data: PreparedData) -> None:
    """Checks that each example has one class or one number.

    Raises:
        UsageError: it has several, or one for each token or pixel.
    """
    if data.task == "classification" or (data.task == "regression" and data.num_outputs == 1):
        return
    task = data.task.replace("_", " ")
    kind = f"{data.num_outputs} targets" if data.task == "regression" else task
    raise UsageError(
        f"run {run.id} learned {kind}: this needs one class or one number per example",
        hint=f"nnlab predict {run.id} --data FILE -o predictions.npz has all predictions",
    )
