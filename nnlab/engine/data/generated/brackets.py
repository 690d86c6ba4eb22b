"""Sequences of brackets of unequal length: are they balanced?"""

import numpy as np

from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.generated.rng import balanced_targets, make_rng

PAD, VOCABULARY = 0, ("(pad)", "(", ")", "[", "]")
MAX_LENGTH = 24
_MIN_PAIRS, _MAX_PAIRS = 2, MAX_LENGTH // 2
_OPENING = {2: 1, 4: 3}  # of each closing bracket


def brackets(samples: int, noise: float, seed: int) -> Dataset:
    """Tokens [n, 24], padded behind the end, of sequences of 4 to 24 brackets; two classes.

    A sequence that is not balanced is a balanced one in which one bracket was exchanged for
    another. `noise` is the probability that the class is replaced by the other one.
    """
    targets = balanced_targets(samples, 2)
    rng = make_rng(seed, 1)
    tokens = np.full((samples, MAX_LENGTH), PAD, np.int64)
    for row, is_balanced in zip(tokens, targets, strict=True):
        sequence = _balanced_sequence(rng, int(rng.integers(_MIN_PAIRS, _MAX_PAIRS + 1)))
        if not is_balanced:
            position = int(rng.integers(len(sequence)))
            others = [token for token in (1, 2, 3, 4) if token != sequence[position]]
            sequence[position] = others[rng.integers(len(others))]
        row[: len(sequence)] = sequence
    is_flipped = make_rng(seed, 2).random(samples) < noise
    return Dataset(
        "brackets",
        "classification",
        tokens,
        np.where(is_flipped, 1 - targets, targets),
        ("not balanced", "balanced"),
        vocabulary=VOCABULARY,
        pad_token=PAD,
    )


def is_balanced(sequence: list[int]) -> bool:
    """Whether every bracket is closed by one of its kind.

    >>> is_balanced([1, 3, 4, 2]), is_balanced([1, 3, 2, 4])
    (True, False)
    """
    opened: list[int] = []
    for token in sequence:
        if token not in _OPENING:
            opened.append(token)
        elif not opened or opened.pop() != _OPENING[token]:
            return False
    return not opened


def _balanced_sequence(rng: np.random.Generator, pairs: int) -> list[int]:
    """A random balanced sequence of this many pairs."""
    sequence: list[int] = []
    opened: list[int] = []
    for remaining in range(2 * pairs, 0, -1):
        must_close = len(opened) == remaining
        if opened and (must_close or rng.random() < 0.5):
            sequence.append(opened.pop() + 1)
        else:
            token = int(rng.choice((1, 3)))
            sequence.append(token)
            opened.append(token)
    return sequence
