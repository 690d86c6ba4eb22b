"""Labels that fit: shortened, wrapped and printable text of any origin, for all figures."""

import textwrap
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font
from matplotlib.textpath import TextToPath

from nnlab.figures.draw.fonts import font_families
from nnlab.figures.draw.paper import current_paper

MAX_LABEL_LENGTH = 34
_ELLIPSIS = "…"
_LABEL_MARGIN = 0.02  # inches between a label and the edge of the figure
_LABEL_WIDTH, _MAX_LABEL_LINES = 26, 2  # characters and lines of an axis label


def short_labels(labels: Sequence[str], longest: int = MAX_LABEL_LENGTH) -> list[str]:
    """Each label in at most about `longest` characters; equal labels are numbered.

    Labels are shortened in the middle, because settings may differ at the start or at the end.
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
    """The label with single spaces, and a box for each character that the font lacks."""
    return " ".join(_printable_words(label)) or "(no name)"


def _printable_words(text: str) -> list[str]:
    """The words of a text, with a box for each character that the font lacks."""
    in_font = _font_characters()
    return ["".join(c if ord(c) in in_font else "□" for c in word) for word in text.split()]


@cache
def _font_characters() -> frozenset[int]:
    """The code points of the DejaVu Sans font in matplotlib."""
    path = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return frozenset(FT2Font(str(path)).get_charmap())


def wrap_to_width(text: str, width: float, size: float, lines: int = 2) -> str:
    """The text wrapped between words into at most `lines` lines; longer lines are shortened.

    A character that the font lacks becomes a box.

    Args:
        text: text without line breaks.
        width: width of a line in inches.
        size: font size in points.
        lines: the maximal number of lines.
    """
    wrapped: list[str] = []
    for word in _printable_words(text):
        longer = f"{wrapped[-1]} {word}" if wrapped else word
        if wrapped and text_inches(longer, size) <= width:
            wrapped[-1] = longer
        else:
            wrapped.append(word)
    if len(wrapped) > lines:
        wrapped = [*wrapped[: lines - 1], " ".join(wrapped[lines - 1 :])]
    return "\n".join(shorten_to_width(line, width, size) for line in wrapped)


def text_inches(text: str, size: float) -> float:
    """The width of a line of text in inches, at font size `size` in points."""
    font = FontProperties(family=list(font_families(current_paper().family)), size=size)
    width, _, _ = _text_measurer().get_text_width_height_descent(text, font, False)
    return float(width) / 72


@cache
def _text_measurer() -> TextToPath:
    return TextToPath()


def wrap_labels_beyond_figure(figure: Figure) -> bool:
    """Wraps each label of a y axis that leaves the figure; returns whether there was one.

    How much longer a label is than its panel depends on the font sizes of the venue. Call it after
    the figure was drawn.
    """
    margin = _LABEL_MARGIN * figure.dpi
    top = figure.get_figheight() * figure.dpi - margin
    too_long = []
    for ax in figure.axes:
        box = ax.yaxis.label.get_window_extent()
        is_inside = margin <= box.y0 and box.y1 <= top
        if ax.get_ylabel() and "\n" not in ax.get_ylabel() and not is_inside:
            too_long.append(ax)
    for ax in too_long:
        text, size = ax.get_ylabel(), current_paper().label_size
        length = ax.get_window_extent().height / figure.dpi
        # A text is somewhat wider when it is rendered at a low resolution.
        ax.set_ylabel(wrap_to_width(text, min(length, 0.9 * text_inches(text, size)), size))
    return bool(too_long)


def shorten_to_width(line: str, width: float, size: float) -> str:
    """The line, shortened in the middle if it is wider than `width` inches."""
    keep = len(line)
    while keep > 4 and text_inches(_shorten_middle(line, keep), size) > width:
        keep -= 1
    return _shorten_middle(line, keep)


def letters_that_fit(length: float) -> int:
    """About how many letters in legend size fit into `length` inches; at least six."""
    return max(6, int(length * 72 / (0.56 * current_paper().size)))


def wrap_axis_label(name: str) -> str:
    """The name of an axis in at most two lines, with the line break before the unit."""
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
