# ruff: noqa: RUF001, RUF002  numbers have minus signs
"""`TextTable`: a table for papers whose cells are text; comparisons with a base and over data sets.

`nnlab.report.text_table_formats` writes it as LaTeX, HTML, Markdown and Typst. Rankings, whose
numbers LaTeX aligns by siunitx, are a `nnlab.report.paper_table.PaperTable`.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A column: its heading, and whether its cells are aligned right, as numbers are."""

    heading: str
    align_right: bool = False


@dataclass(frozen=True, slots=True)
class TextCell:
    """A cell of text, empty if nothing was measured."""

    text: str
    bold: bool = False


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table of text cells; each row has a cell per column.

    `label` is the target of references. A rule separates the first `leading_rows` rows, such as
    that of the base, from the others.
    """

    columns: tuple[TextColumn, ...]
    rows: tuple[tuple[TextCell, ...], ...]
    caption: str
    label: str
    leading_rows: int = 0


def table_label(title: str) -> str:
    """The label of a table with this title.

    >>> table_label("Depth of ResNets")
    'tab:depth-of-resnets'
    """
    return "tab:" + (re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "results")


_EXPONENT = re.compile(r"e([+-]\d+)$")
_MINUS = re.compile(r"(?<![\w.])-(?=\d)")
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def typeset_number(text: str) -> str:
    """A number, or numbers in a text, with minus signs and a power of ten as print has them.

    >>> typeset_number("-0.12 to 0.05"), typeset_number("(1.2 ± 0.3)e-07")
    ('−0.12 to 0.05', '(1.2 ± 0.3) × 10⁻⁷')
    """
    match = _EXPONENT.search(text)
    if match is not None:
        power = str(int(match[1])).translate(_SUPERSCRIPTS)
        text = f"{text[: match.start()]} × 10{power}"
    return _MINUS.sub("−", text)
