"""The text of what a comparison claims, for reports and figures."""

from nnlab.records import Comparison


def describe_claim(comparison: Comparison) -> str:
    """The quantity and the region that a comparison claims.

    For example `val/loss (best) of sgd - adam above 0.1`.
    """
    arms = list(comparison.arms)
    quantity = f"{comparison.metric} ({comparison.at})"
    if comparison.scale == "correlation":
        quantity = f"rank correlation of {quantity} and {comparison.other_metric}"
        quantity += f" ({comparison.other_at})"
        contrast = f"the trials of {arms[0]}"
    elif comparison.scale == "spread":
        contrast = f"sd over mean of {arms[0]}"
    else:
        operator = " / " if comparison.scale == "ratio" else " - "
        pairs = [operator.join(arms[i : i + 2]) for i in range(0, len(arms), 2)]
        contrast = pairs[0] if len(pairs) == 1 else f"({pairs[0]}){operator}({pairs[1]})"
    region = [
        f"{side} {bound:g}"
        for side, bound in (("above", comparison.above), ("below", comparison.below))
        if bound is not None
    ]
    return f"{quantity} of {contrast} {' and '.join(region)}"
