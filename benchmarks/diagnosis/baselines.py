"""Published rules for overfitting, which are evaluated on the same corpus for comparison.

- `debugger`: AWS SageMaker Debugger's Overfit rule: (val - train) / train above 0.1 at a step.
  Here it is evaluated at the end only, which gives better results than at any step.
- `spearman`: rank correlation between the epoch and the validation loss over the second half
  (Li et al. 2024, "Keeping deep learning models in check", use it as a baseline). The
  threshold 0.5 was the best of 0.1, 0.3, 0.5 and 0.7 on the fitted half of the corpus.
- `rise 3 %`, `rise 5 %`: validation loss ends more than this share above its minimum, and training
  loss has fallen since the minimum.
- `patience 10`: validation loss has had no new minimum for ten epochs (similar to Prechelt 1998).
"""

from collections.abc import Callable, Mapping, Sequence

from scipy.stats import spearmanr

Rule = Callable[[Sequence[float], Sequence[float]], bool]


def debugger(train: Sequence[float], val: Sequence[float]) -> bool:
    """Whether the final gap is large relative to training loss."""
    return train[-1] > 0 and (val[-1] - train[-1]) / train[-1] > 0.1


def spearman(train: Sequence[float], val: Sequence[float]) -> bool:
    """Whether validation loss is correlated with the epoch over the second half."""
    del train
    half = val[len(val) // 2 :]
    if len(half) < 4 or max(half) == min(half):
        return False
    return bool(spearmanr(range(len(half)), half).statistic > 0.5)


def rise(share: float) -> Rule:
    """A rule: validation loss ends this share above its minimum while training loss has fallen."""

    def rule(train: Sequence[float], val: Sequence[float]) -> bool:
        best = min(range(len(val)), key=val.__getitem__)
        return val[-1] > (1 + share) * val[best] and train[-1] < train[best]

    return rule


def patience(train: Sequence[float], val: Sequence[float]) -> bool:
    """Whether validation loss has had no new minimum for ten epochs."""
    del train
    return len(val) - 1 - min(range(len(val)), key=val.__getitem__) >= 10


BASELINES: Mapping[str, Rule] = {
    "debugger": debugger,
    "spearman": spearman,
    "rise 3 %": rise(0.03),
    "rise 5 %": rise(0.05),
    "patience 10": patience,
}
