"""Several tests at once."""

from collections.abc import Sequence


def holm_adjust(ps: Sequence[float], tests: int | None = None) -> tuple[float, ...]:
    """The p values adjusted for their number by Holm's step-down method (1979), in their order.

    Args:
        ps: those looked at, shape [m].
        tests: how many could have been made, at least m; the others count as larger than these.
            A step then multiplies by more than it would if they were known: never by too little.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    count = len(ps) if tests is None else tests
    if count < len(ps):
        raise ValueError(f"{len(ps)} p values of {count} tests")
    adjusted = [0.0] * len(ps)
    highest = 0.0
    for step, place in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        highest = max(highest, min(1.0, (count - step) * ps[place]))
        adjusted[place] = highest
    return tuple(adjusted)
