"""Small pieces of text that messages, tables and notes have in common."""

from collections.abc import Collection, Sequence
from typing import Literal


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


def position_text(position: float, axis: Literal["epoch", "step"]) -> str:
    """An epoch or a step of a run.

    >>> position_text(12, "epoch"), position_text(4000, "step")
    ('epoch 12', 'step 4,000')
    """
    return f"step {position:,.0f}" if axis == "step" else f"epoch {position:g}"


def axis_word(axes: Collection[str]) -> str:
    """What the positions of some runs are, for headings.

    >>> axis_word(["epoch"]), axis_word(["step", "epoch"]), axis_word([])
    ('epoch', 'epoch or step', 'epoch')
    """
    return " or ".join(sorted(set(axes))) or "epoch"


def position_number(position: float, axes: Collection[str]) -> str:
    """An epoch, or a step with a separator of thousands.

    >>> position_number(1500, ["epoch"]), position_number(4000, ["step"])
    ('1500', '4,000')
    """
    return f"{position:,.0f}" if "step" in axes else f"{position:g}"
