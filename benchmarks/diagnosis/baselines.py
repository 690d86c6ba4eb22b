"""Published rules for overfitting, as their sources state them, to be judged on the same corpus.

- `debugger`: AWS SageMaker Debugger's Overfit rule: (val - train) / train above 0.1 at a step.
  Here: at the end, which is kinder to it than at any step.
- `spearman`: rank correlation between the epoch and the validation loss over the second half
  (Li et al. 2024, "Keeping deep learning models in check", compare it as a baseline); a rise is
  called from 0.5 on, which was best on the fitted half of the corpus among 0.1, 0.3, 0.5 and 0.7.
- `rise 3 %`, `rise 5 %`: validation loss ends above its best by more than so much of it while
  training loss has fallen since.
- `patience 10`: validation loss has had no new best for ten epochs (Prechelt 1998, in spirit).
"""

from collections.abc import Callable, Mapping, Sequence

from scipy.stats import spearmanr

Rule = Callable[[Sequence[float], Sequence[float]], bool]


def debugger(train: Sequence[float], val: Sequence[float]) -> bool:
    """The gap at the end, relative to training loss."""
    return train[-1] > 0 and (val[-1] - train[-1]) / train[-1] > 0.1


def spearman(train: Sequence[float], val: Sequence[float]) -> bool:
    """Validation loss rises with the epochs, over the second half."""
    del train
    half = val[len(val) // 2 :]
    if len(half) < 4 or max(half) == min(half):
        return False
    return bool(spearmanr(range(len(half)), half).statistic > 0.5)


def rise(share: float) -> Rule:
    """Validation loss ends so far above its best while training loss fell on."""

    def rule(train: Sequence[float], val: Sequence[float]) -> bool:
        best = min(range(len(val)), key=val.__getitem__)
        return val[-1] > (1 + share) * val[best] and train[-1] < train[best]

    return rule


def patience(train: Sequence[float], val: Sequence[float]) -> bool:
    """No new best for ten epochs."""
    del train
    return len(val) - 1 - min(range(len(val)), key=val.__getitem__) >= 10


BASELINES: Mapping[str, Rule] = {
    "debugger": debugger,
    "spearman": spearman,
    "rise 3 %": rise(0.03),
    "rise 5 %": rise(0.05),
    "patience 10": patience,
}
