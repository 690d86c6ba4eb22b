"""Small pieces of text that messages, tables and notes have in common."""

from collections.abc import Sequence


def format_count(count: int, noun: str) -> str:
    """A count with its noun, in the plural unless the count is 1.

    >>> format_count(1, "run"), format_count(2000, "run")
    ('1 run', '2,000 runs')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def join_names(names: Sequence[str]) -> str:
    """Names as an enumeration in a sentence.

    >>> join_names(["lr"]), join_names(["lr", "width"]), join_names(["a", "b", "c"])
    ('lr', 'lr and width', 'a, b and c')
    """
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def format_seed(seed: int | None) -> str:
    """A seed as text; runs of other programs may have an unknown one.

    >>> format_seed(0), format_seed(None)
    ('0', 'unknown')
    """
    return "unknown" if seed is None else str(seed)
