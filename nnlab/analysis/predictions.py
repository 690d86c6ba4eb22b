"""What a trained run says of the examples of a split, with the weights that it kept."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nnlab import store
from nnlab.config import config_of
from nnlab.engine import transfer
from nnlab.engine.data.split_dataset import read_and_split
from nnlab.engine.evaluation import compute_outputs
from nnlab.engine.loop import build_session
from nnlab.errors import UsageError
from nnlab.records import Run
from nnlab.workers.initial_weights import find_initial_weights

SPLITS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class Predictions:
    """Of a run and a split: n examples as they are, and what is said of them.

    Of a classification `probabilities` are [n, classes] and `targets` [n] classes; of a
    regression `classes` is empty, both are [n] in the target's own unit. `rows` are places in the
    data set, `examples` [n, ...] its raw values.
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
        """Of a regression: how far each prediction is off."""
        off: list[float] = np.abs(self.probabilities - self.targets).tolist()
        return off

    def truth(self, i: int) -> str:
        """What an example is."""
        return self.classes[int(self.targets[i])] if self.classes else f"{self.targets[i]:.4g}"

    def predicted(self, i: int) -> str:
        """What is said of it, with the probability of a class."""
        if not self.classes:
            return f"{self.probabilities[i]:.4g}"
        best = int(self.probabilities[i].argmax())
        return f"{self.classes[best]} {self.probabilities[i, best]:.2f}"


def predict_split(db: store.Database, run: Run, split: str = "val") -> Predictions:
    """Evaluates a run's kept weights on a split.

    Raises:
        UsageError: no such split, or the run kept no weights.
        CheckpointError: they cannot be read.
        DataError: the data set cannot be used.
    """
    if split not in SPLITS:
        raise UsageError(f"--split {split}: one of {', '.join(SPLITS)}")
    weights = find_initial_weights(db, str(run.id)).for_seed(run.seed)
    config = config_of(run.trial.setting, run.seed)
    session = build_session(config)
    transfer.load_matching_weights(session.model, transfer.read_weights(weights.path))
    part = getattr(session.data, split)
    outputs = compute_outputs(session.model, session.model, part).double()
    arranged = read_and_split(config)
    dataset, rows = arranged.dataset, getattr(arranged.rows, split)
    if dataset.task == "classification":
        said = torch.softmax(outputs, dim=1).cpu().numpy()
        targets = part.targets.cpu().numpy()
        classes = tuple(dataset.classes)
    else:
        train = np.asarray(dataset.targets, np.float64)[arranged.rows.train]
        said = outputs[:, 0].cpu().numpy() * session.data.target_scale + train.mean()
        targets = np.asarray(dataset.targets, np.float64)[rows]
        classes = ()
    return Predictions(
        run.id,
        classes,
        said,
        targets,
        tuple(int(row) for row in rows),
        dataset.examples[rows],
        dataset.signal,
    )
