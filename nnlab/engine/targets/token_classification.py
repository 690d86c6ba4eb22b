"""Token classification: targets are classes of tokens [n, T], outputs are scores [n, T, C].

Tokens whose target is `IGNORED_CLASS` do not count.
"""

from nnlab.engine.targets.sums import PositionSums


class TokenClassificationSums(PositionSums):
    """The mean loss and the accuracy of the tokens; see `metric_sums.MetricSums`."""
