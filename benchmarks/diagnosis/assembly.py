"""All specimens of a half of the corpus, from their sources; trains what is not cached."""

from collections.abc import Iterator
from pathlib import Path

from diagnosis.fitted_curves import FITTED_CURVES
from diagnosis.simulated_curves import simulated_specimens
from diagnosis.specimen import TrainedSpecimen
from diagnosis.torch_corpus import torch_specimens
from diagnosis.train_corpus import corpus
from diagnosis.unseen_curves import UNSEEN_CURVES

HALVES = ("fitted", "unseen")
# The groups of the report, in its order, and what they are.
GROUPS = {
    "torch": "plain torch, true risk known",
    "simulated": "simulated overfitting",
    "scripts": "names and scales of other programs, simulated",
    "ugly": "healthy but ugly, simulated",
    "nnlab": "nnlab's own models",
    "user models": "model files of users",
}


def all_specimens(half: str, folder: Path) -> Iterator[TrainedSpecimen]:
    """The specimens of a half; `folder` caches trainings."""
    kinds = FITTED_CURVES if half == "fitted" else UNSEEN_CURVES
    yield from simulated_specimens(kinds, half)
    yield from torch_specimens(half, folder)
    yield from corpus(half, folder)
