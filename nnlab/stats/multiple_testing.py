"""Correction of p values for multiple testing."""

from collections.abc import Sequence


def holm_adjust(p_values: Sequence[float], tests: int | None = None) -> tuple[float, ...]:
    """The p values adjusted by Holm's step-down method (1979), in the same order.

    Args:
        p_values: the p values of m tests, shape [m].
        tests: the number of possible tests, at least m (by default m). The p values of the other
            tests are assumed to be larger, which makes the correction conservative.

    Raises:
        ValueError: `tests` is less than m.

    >>> [round(p, 3) for p in holm_adjust([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    count = len(p_values) if tests is None else tests
    if count < len(p_values):
        raise ValueError(f"{len(p_values)} p values of {count} tests")
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for step, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (count - step) * p_values[index]))
        adjusted[index] = highest
    return tuple(adjusted)
