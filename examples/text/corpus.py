"""Characters of a text as examples for a language model: `--data corpus.py:characters`.

The text is that of this folder's `fables.txt`; put your own file in its place.
"""

from pathlib import Path

import numpy as np

WINDOW = 48  # characters of an example


def characters():
    """Overlapping windows of characters, and the next character of each as the target."""
    text = Path(__file__).with_name("fables.txt").read_text(encoding="utf-8").lower()
    vocabulary = sorted(set(text))
    ids = np.array([vocabulary.index(character) for character in text])
    # The last tenth is validated on, so that no window is in both splits.
    border = len(ids) - len(ids) // 5
    return {
        "train": windows(ids[:border]),
        "val": windows(ids[border : border + len(ids) // 10]),
        "test": windows(ids[border + len(ids) // 10 :]),
        "vocabulary": vocabulary,
    }


def windows(ids):
    """Tokens [n, 48] and the tokens that follow them [n, 48]."""
    starts = range(0, len(ids) - WINDOW, WINDOW // 4)
    tokens = np.stack([ids[start : start + WINDOW + 1] for start in starts])
    return tokens[:, :-1], tokens[:, 1:]
