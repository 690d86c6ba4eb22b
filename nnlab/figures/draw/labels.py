"""Labels that fit: any text a user may have typed, made safe and short for a figure."""

import textwrap
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import matplotlib as mpl
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font
from matplotlib.textpath import TextToPath

from nnlab.figures.draw.paper import SANS, current_paper

MAX_LABEL_LENGTH = 34
_ELLIPSIS = "…"
_LABEL_WIDTH, _MAX_LABEL_LINES = 26, 2  # characters; what fits beside a panel


def short_labels(labels: Sequence[str], longest: int = MAX_LABEL_LENGTH) -> list[str]:
    """Each label in at most about `longest` characters, all different if they were not empty.

    Cut in the middle, because settings differ at the end as often as at the start; those that
    become equal are numbered.
    """
    short = [_shorten_middle(_printable_text(label), longest) for label in labels]
    seen: dict[str, int] = {}
    unique = []
    for label in short:
        seen[label] = seen.get(label, 0) + 1
        unique.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return unique


def _shorten_middle(label: str, longest: int) -> str:
    if len(label) <= longest:
        return label
    head = (longest - 1 + 1) // 2
    tail = longest - 1 - head
    return f"{label[:head].rstrip()}{_ELLIPSIS}{label[-tail:].lstrip()}"


def _printable_text(label: str) -> str:
    """White space as single spaces, and a box for each character that the font lacks."""
    known = _font_characters()
    text = " ".join(label.split())
    return "".join(c if ord(c) in known else "□" for c in text) or "(no name)"


@cache
def _font_characters() -> frozenset[int]:
    """The code points of DejaVu Sans as it comes with matplotlib."""
    path = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return frozenset(FT2Font(str(path)).get_charmap())


def wrap_to_width(text: str, width: float, size: float, lines: int = 2) -> str:
    """A text broken between words into at most so many lines, and cut where it is longer still.

    Args:
        text: any, without line breaks.
        width: of a line, inches.
        size: of the type, points.
        lines: at most.
    """
    found: list[str] = []
    for word in text.split():
        longer = f"{found[-1]} {word}" if found else word
        if found and text_inches(longer, size) <= width:
            found[-1] = longer
        else:
            found.append(word)
    if len(found) > lines:
        found = [*found[: lines - 1], " ".join(found[lines - 1 :])]
    return "\n".join(_shorten_to_width(line, width, size) for line in found)


def text_inches(text: str, size: float) -> float:
    """The width of a line of text."""
    font = FontProperties(family=[current_paper().family, SANS], size=size)
    width, _, _ = _text_measurer().get_text_width_height_descent(text, font, False)
    return float(width) / 72


@cache
def _text_measurer() -> TextToPath:
    return TextToPath()


def _shorten_to_width(line: str, width: float, size: float) -> str:
    """The line, its middle left out where it is too long."""
    keep = len(line)
    while keep > 4 and text_inches(_shorten_middle(line, keep), size) > width:
        keep -= 1
    return _shorten_middle(line, keep)


def letters_that_fit(length: float) -> int:
    """About how many letters of a legend's type a length in inches holds, six at least."""
    return max(6, int(length * 72 / (0.56 * current_paper().size)))


def wrap_axis_label(name: str) -> str:
    """The name in at most two lines, broken before the unit."""
    if len(name) <= _LABEL_WIDTH:
        return name
    head, _, unit = name.partition(" (")
    lines = [head, f"({unit}"] if unit else [name]
    broken = [part for line in lines for part in textwrap.wrap(line, _LABEL_WIDTH + 4)]
    if len(broken) > _MAX_LABEL_LINES:
        broken = [
            *broken[: _MAX_LABEL_LINES - 1],
            broken[_MAX_LABEL_LINES - 1][: _LABEL_WIDTH - 1] + "…",
        ]
    return "\n".join(broken)
