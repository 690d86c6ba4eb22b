"""Simple and published rules for overfitting, evaluated on the same corpus for comparison.

- `debugger`: AWS SageMaker Debugger's Overfit rule: (val - train) / train above 0.1 at a step.
  Here it is evaluated at the end only, which gives better results than at any step.
- `spearman`: rank correlation between the epoch and the validation loss over the second half
  (Li et al. 2024, "Keeping deep learning models in check", use it as a baseline). The
  threshold 0.5 was the best of 0.1, 0.3, 0.5 and 0.7 on the fitted half of the corpus.
- `end 3 %`, `end 4 %`, `end 5 %`: validation loss ends more than this share above its minimum, and
  training loss has fallen since the minimum.
- `tail 4 %`, `tail 10 %`: the median validation loss of the last tenth is more than this share
  above the minimum, and the median training loss of the last tenth is below that at the minimum.
- `5 % of the range`: validation loss ends above its minimum by more than 5 % of the range of
  training loss.
- `patience 10`: validation loss has had no new minimum for ten epochs (similar to Prechelt 1998).
"""

from collections.abc import Callable, Mapping, Sequence

from scipy.stats import spearmanr

from nnlab.diagnosis.smoothing import low_median

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


def end_above_minimum(share: float) -> Rule:
    """A rule: validation loss ends this share above its minimum while training loss has fallen."""

    def rule(train: Sequence[float], val: Sequence[float]) -> bool:
        best = min(range(len(val)), key=val.__getitem__)
        return val[-1] > val[best] + share * abs(val[best]) and train[-1] < train[best]

    return rule


def tail_above_minimum(share: float) -> Rule:
    """The same with medians of the last tenth in place of the last values."""

    def rule(train: Sequence[float], val: Sequence[float]) -> bool:
        best = min(range(len(val)), key=val.__getitem__)
        count = max(1, len(val) // 10)
        rise = low_median(val[-count:]) - val[best]
        return rise > share * abs(val[best]) and low_median(train[-count:]) < train[best]

    return rule


def share_of_range(train: Sequence[float], val: Sequence[float]) -> bool:
    """Whether validation loss rose by more than 5 % of the range of training loss."""
    return val[-1] - min(val) > 0.05 * (max(train) - min(train))


def patience(train: Sequence[float], val: Sequence[float]) -> bool:
    """Whether validation loss has had no new minimum for ten epochs."""
    del train
    return len(val) - 1 - min(range(len(val)), key=val.__getitem__) >= 10


BASELINES: Mapping[str, Rule] = {
    "debugger": debugger,
    "spearman": spearman,
    "end 3 %": end_above_minimum(0.03),
    "end 4 %": end_above_minimum(0.04),
    "end 5 %": end_above_minimum(0.05),
    "tail 4 %": tail_above_minimum(0.04),
    "tail 10 %": tail_above_minimum(0.1),
    "5 % of the range": share_of_range,
    "patience 10": patience,
}
