"""The quantity and the region that a comparison claims, as text; for tables, reports and figures."""

from nnlab.records import Comparison


def describe_claim(comparison: Comparison) -> str:
    """The quantity and the region that is claimed, as `val/loss of a - b > 0.1`."""
    names = list(comparison.arms)
    if comparison.scale == "spread":
        what = f"sd over mean of {names[0]}"
    else:
        sign = " / " if comparison.scale == "ratio" else " - "
        pairs = [sign.join(names[i : i + 2]) for i in range(0, len(names), 2)]
        what = pairs[0] if len(pairs) == 1 else f"({pairs[0]}){sign}({pairs[1]})"
    region = [
        f"{word} {bound:g}"
        for word, bound in (("above", comparison.above), ("below", comparison.below))
        if bound is not None
    ]
    return f"{comparison.metric} ({comparison.at}) of {what} {' and '.join(region)}"
