"""Sentences of a small English grammar, as characters (`text`) and as tagged words (`word-tags`).

A phrase may stand between a subject and its verb, whose number depends on the subject, and some
words belong to two classes. Both need more context than the neighbouring token.
"""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.generated.rng import draw_distinct, make_rng
from nnlab.engine.targets.output_shape import IGNORED_CLASS

PAD = "(pad)"
WINDOW = 64  # characters of an example of `text`
MAX_WORDS = 12  # of an example of `word-tags`

# A word and its class; `light`, `watch`, `play` and others belong to two classes.
Word = tuple[str, str]

_DETERMINERS = {False: ("the", "a", "this", "every"), True: ("the", "some", "these", "all")}
_ADJECTIVES = ("small", "old", "light", "green", "quiet", "open")
_NOUNS = (
    *(("dog", "dogs"), ("bird", "birds"), ("light", "lights"), ("watch", "watches")),
    *(("play", "plays"), ("river", "rivers"), ("child", "children"), ("walk", "walks")),
)
_VERBS = (
    *(("sees", "see"), ("finds", "find"), ("watches", "watch"), ("lights", "light")),
    *(("plays", "play"), ("walks", "walk"), ("likes", "like")),
)
_ADVERBS = ("often", "slowly", "well", "again")
_PREPOSITIONS = ("near", "behind", "with", "under")

WORD_CLASSES = ("determiner", "adjective", "noun", "verb", "adverb", "preposition", "stop")
_CHARACTERS = (PAD, " ", ".", *"abcdefghijklmnopqrstuvwxyz")


def text(samples: int, noise: float, seed: int) -> Dataset:
    """Characters [n, 64] of whole sentences, and the next character of each as the target.

    What is left behind the last whole sentence is padding, whose target is -100. `noise` is the
    probability that a letter is replaced by a random letter.
    """
    rng = make_rng(seed, 1)
    ids = {character: index for index, character in enumerate(_CHARACTERS)}
    tokens = np.zeros((samples, WINDOW + 1), np.int64)
    seen: set[str] = set()
    for row in tokens:
        written = draw_distinct(partial(_window_text, rng), seen)
        row[: len(written)] = [ids[character] for character in written]
    first_letter = ids["a"]
    is_replaced = (tokens >= first_letter) & (make_rng(seed, 2).random(tokens.shape) < noise)
    letters = make_rng(seed, 3).integers(first_letter, len(_CHARACTERS), tokens.shape)
    tokens = np.where(is_replaced, letters, tokens)
    targets = np.where(tokens[:, 1:] == 0, IGNORED_CLASS, tokens[:, 1:])
    return Dataset(
        "text",
        "language_modeling",
        np.ascontiguousarray(tokens[:, :-1]),
        targets,
        vocabulary=_CHARACTERS,
        pad_token=0,
    )


def word_tags(samples: int, noise: float, seed: int) -> Dataset:
    """Words [n, 12] of a sentence each, and the class of each word as the target.

    Shorter sentences are padded; the target of padding is -100. `noise` is the probability that a
    word is replaced by a random word, whose target stays that of its position.
    """
    vocabulary = (PAD, *sorted({word for word, _ in _all_words()}))
    ids = {word: index for index, word in enumerate(vocabulary)}
    rng = make_rng(seed, 1)
    tokens = np.zeros((samples, MAX_WORDS), np.int64)
    targets = np.full((samples, MAX_WORDS), IGNORED_CLASS, np.int64)
    seen: set[tuple[Word, ...]] = set()
    for row, target in zip(tokens, targets, strict=True):
        words = draw_distinct(partial(_short_sentence, rng), seen)
        row[: len(words)] = [ids[word] for word, _ in words]
        target[: len(words)] = [WORD_CLASSES.index(name) for _, name in words]
    is_replaced = (tokens > 0) & (make_rng(seed, 2).random(tokens.shape) < noise)
    random_words = make_rng(seed, 3).integers(1, len(vocabulary), tokens.shape)
    return Dataset(
        "word-tags",
        "token_classification",
        np.where(is_replaced, random_words, tokens),
        targets,
        WORD_CLASSES,
        vocabulary=vocabulary,
        pad_token=0,
    )


def _window_text(rng: np.random.Generator) -> str:
    """As many whole sentences as fit into a window and its last target."""
    written, sentence = "", _sentence_text(rng)
    while len(written) + len(sentence) <= WINDOW + 1:
        written += sentence
        sentence = _sentence_text(rng)
    return written


def _short_sentence(rng: np.random.Generator) -> tuple[Word, ...]:
    """A sentence of at most `MAX_WORDS` words."""
    words = _sentence(rng)
    while len(words) > MAX_WORDS:
        words = _sentence(rng)
    return tuple(words)


def _sentence_text(rng: np.random.Generator) -> str:
    words = [word for word, _ in _sentence(rng)]
    return " ".join(words[:-1]) + ". "


def _sentence(rng: np.random.Generator) -> list[Word]:
    """A subject, perhaps a phrase that belongs to it, a verb of the same number, and an end."""
    plural = bool(rng.integers(2))
    words = _noun_phrase(rng, plural=plural)
    if rng.random() < 0.4:
        words.append((_choose(rng, _PREPOSITIONS), "preposition"))
        words += _noun_phrase(rng, plural=bool(rng.integers(2)))
    words.append((_VERBS[rng.integers(len(_VERBS))][plural], "verb"))
    if rng.random() < 0.5:
        words += _noun_phrase(rng, plural=bool(rng.integers(2)))
    else:
        words.append((_choose(rng, _ADVERBS), "adverb"))
    return [*words, (".", "stop")]


def _noun_phrase(rng: np.random.Generator, *, plural: bool) -> list[Word]:
    words = [(_choose(rng, _DETERMINERS[plural]), "determiner")]
    if rng.random() < 0.4:
        words.append((_choose(rng, _ADJECTIVES), "adjective"))
    return [*words, (_NOUNS[rng.integers(len(_NOUNS))][plural], "noun")]


def _choose(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[rng.integers(len(words))]


def _all_words() -> list[Word]:
    return [
        *((word, "determiner") for words in _DETERMINERS.values() for word in words),
        *((word, "adjective") for word in _ADJECTIVES),
        *((word, "noun") for words in _NOUNS for word in words),
        *((word, "verb") for words in _VERBS for word in words),
        *((word, "adverb") for word in _ADVERBS),
        *((word, "preposition") for word in _PREPOSITIONS),
        (".", "stop"),
    ]


def tokens_as_text(tokens: NDArray[np.int64]) -> str:
    """The characters of a row of `text`, without padding.

    >>> tokens_as_text(np.array([22, 10, 7, 1, 0]))
    'the '
    """
    return "".join(_CHARACTERS[token] for token in tokens if token)
