"""Losses of networks that are trained against each other, which no rule can read.

For the curves of other programs (`external_curves`).
"""

import math
from collections.abc import Collection, Mapping, Sequence

from nnlab.metric_names import normalize_name
from nnlab.records import Curve

# The words in names of losses of two networks that are trained against each other.
_GENERATORS = frozenset({"g", "gen", "generator", "errg", "lossg", "actor", "fake"})
_DISCRIMINATORS = frozenset({"d", "disc", "discriminator", "errd", "lossd", "critic", "real"})
# The losses of an undecided discriminator on real and generated examples, and of its generator, at
# the start; and the relative distances that count as near.
_UNDECIDED = (2 * math.log(2), math.log(2))
_NEAR_UNDECIDED = (0.12, 0.25)


def opposing_losses(names: Sequence[str]) -> tuple[str, ...]:
    """The losses of two networks that are trained against each other, sorted; empty without both.

    Each rises when the other falls, so neither they nor their sum say how well the model learns.

    >>> opposing_losses(["d_loss", "g_loss", "val_loss"]), opposing_losses(["train/gen_loss"])
    (('d_loss', 'g_loss'), ())
    """
    words = {name: set(normalize_name(name).split("_")) for name in names}
    generators, discriminators = (
        {name for name in names if words[name] & players and _is_loss(words[name])}
        for players in (_GENERATORS, _DISCRIMINATORS)
    )
    return tuple(sorted(generators | discriminators)) if generators and discriminators else ()


def _is_loss(words: Collection[str]) -> bool:
    return any(word.startswith(("loss", "err")) for word in words)


def look_like_opponents(curves: Mapping[str, Curve]) -> bool:
    """Whether the two losses are those of a discriminator and a generator, by their values.

    Names are often given by the user. At the start the discriminator is undecided, and from then
    on the loss of the generator is above its first value. Runs with accuracies are none.
    """
    pair = [curves.get(metric) for metric in ("train/loss", "val/loss")]
    if None in pair or any(metric in curves for metric in ("train/accuracy", "val/accuracy")):
        return False
    train, val = (tuple(curve.values) for curve in pair if curve is not None)
    starts = zip((train[0], val[0]), _UNDECIDED, _NEAR_UNDECIDED, strict=True)
    return (
        len(val) >= 3
        and all(abs(value / usual - 1) <= near for value, usual, near in starts)
        and min(val[1:]) >= (1 - _NEAR_UNDECIDED[1]) * val[0]
        and val[-1] > val[0]
    )
