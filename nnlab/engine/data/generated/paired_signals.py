"""Pairs of signals that are read through a loader: two inputs with a class, two views without."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset as TorchDataset

from nnlab.engine.data.generated.rng import balanced_targets, make_rng, round_values

SIGNAL_LENGTH, KINDS = 24, 4


class TwoInputs(TorchDataset[Any]):
    """Items ((left [24], right [24]), class): noisy signals, of different kinds or of the same."""

    classes = ("different", "same")

    def __init__(self, samples: int, noise: float, seed: int) -> None:
        self.targets = balanced_targets(samples, 2).tolist()
        rng = make_rng(seed, 1)
        kinds = rng.integers(0, KINDS, samples)
        others = (kinds + rng.integers(1, KINDS, samples)) % KINDS
        pairs = (kinds, np.where(np.array(self.targets) == 1, kinds, others))
        self._left, self._right = (
            torch.from_numpy(
                round_values(
                    _signals(part, make_rng(seed, 2 + index))
                    + noise * make_rng(seed, 4 + index).standard_normal((samples, SIGNAL_LENGTH))
                )
            ).float()
            for index, part in enumerate(pairs)
        )

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[tuple[torch.Tensor, torch.Tensor], int]:
        """The item of an index."""
        return (self._left[index], self._right[index]), self.targets[index]


class TwoViews(TorchDataset[Any]):
    """Items {"first": [24], "second": [24]}: one signal with two random noises, and no target.

    The noise is drawn anew each time an item is read.
    """

    def __init__(self, samples: int, noise: float, seed: int) -> None:
        rng = make_rng(seed, 1)
        kinds = rng.integers(0, KINDS, samples)
        self._signals = torch.from_numpy(round_values(_signals(kinds, rng))).float()
        self._noise = noise

    def __len__(self) -> int:
        return len(self._signals)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        """The item of an index."""
        signal = self._signals[index]
        first, second = self._noise * torch.randn(2, SIGNAL_LENGTH)
        return {"first": signal + first, "second": signal + second}


def _signals(kinds: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Signals [n, 24]: sine, triangle, square and sawtooth waves of random phase."""
    time = np.arange(SIGNAL_LENGTH) / SIGNAL_LENGTH
    phase = (2 * time + rng.uniform(0, 1, (len(kinds), 1))) % 1.0
    waves = (
        np.sin(2 * np.pi * phase),
        4 * np.abs(phase - 0.5) - 1,
        np.where(phase < 0.5, 1.0, -1.0),
        2 * phase - 1,
    )
    signals: NDArray[np.float64] = np.choose(kinds[:, None], waves)
    return signals


STREAMED_DATASETS: Mapping[str, Callable[[int, float, int], TorchDataset[Any]]] = {
    "two-inputs": TwoInputs,
    "two-views": TwoViews,
}
