"""Writes new.npz: a sentence that is not in the corpus, as windows of tokens."""

import numpy as np
from corpus import WINDOW, characters

TEXT = (
    "the old cat told the thin mouse a story of the river and the stone, "
    "and both slept in the sun until the evening. "
)

vocabulary = characters()["vocabulary"]
ids = np.array([vocabulary.index(character) for character in TEXT])
starts = range(0, len(ids) - WINDOW, 8)
tokens = np.stack([ids[start : start + WINDOW + 1] for start in starts])
np.savez("new.npz", x=tokens[:, :-1], y=tokens[:, 1:])
