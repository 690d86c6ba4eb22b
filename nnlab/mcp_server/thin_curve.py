"""Curves with few points that still show every extreme."""

from nnlab.records import Curve


def thin_curve(curve: Curve, points: int) -> list[tuple[int, float]]:
    """At most `points` points of a curve: its ends, and the extremes of equal parts of it.

    Args:
        curve: a curve of any length.
        points: the maximum number of points, at least 4.
    """
    pairs = list(curve)
    if len(pairs) <= points:
        return pairs
    parts = (points - 2) // 2
    chosen = {0, len(pairs) - 1}
    for part in range(parts):
        # A value that is not a number is neither larger nor smaller: it must not hide the others.
        indices = [
            index
            for index in range(len(pairs) * part // parts, len(pairs) * (part + 1) // parts)
            if pairs[index][1] == pairs[index][1]
        ]
        if indices:
            chosen.add(min(indices, key=lambda index: pairs[index][1]))
            chosen.add(max(indices, key=lambda index: pairs[index][1]))
    return [pairs[index] for index in sorted(chosen)]
