# ruff: noqa: RUF001, RUF002  numbers have minus signs
"""`TextTable`: a table for papers whose cells are text; comparisons with a base and over data sets.

`nnlab.report.text_table_formats` writes it as LaTeX, HTML, Markdown and Typst. Rankings, whose
numbers LaTeX aligns by siunitx, are a `nnlab.report.paper_table.PaperTable`.
"""

import re
from collections.abc import Sequence
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
    that of the base, from the others. `notes` are sentences that belong below the table.
    """

    columns: tuple[TextColumn, ...]
    rows: tuple[tuple[TextCell, ...], ...]
    caption: str
    label: str
    leading_rows: int = 0
    notes: tuple[str, ...] = ()


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


_VALUE_WITH_SPREAD = re.compile(r"[−+]?\d+(?P<decimals>\.\d+)?(?: ± \d+(?P<spread>\.\d+)?)?")


def hidden_paddings(table: TextTable) -> tuple[tuple[str, ...], ...]:
    """The invisible text after each cell that aligns the decimal points of a column.

    Formats that can print invisible text append it: after `1.00 ± 0` in a column with
    `0.98 ± 0.05` it is `.00`.
    """
    columns = [
        _column_paddings([row[index].text for row in table.rows])
        if column.align_right
        else [""] * len(table.rows)
        for index, column in enumerate(table.columns)
    ]
    return tuple(zip(*columns, strict=True))


def _column_paddings(texts: Sequence[str]) -> list[str]:
    matches = [_VALUE_WITH_SPREAD.fullmatch(text) for text in texts]
    numbers = [match for match in matches if match is not None]
    decimals = max((len(match["decimals"] or "") for match in numbers), default=0)
    spreads = [len(match["spread"] or "") for match in numbers if " ± " in match[0]]
    spread = f" ± 0{_zeros(max(spreads))}" if spreads else ""
    paddings = []
    for match in matches:
        if match is None:
            paddings.append("")
        elif " ± " in match[0]:
            missing = max(spreads) - len(match["spread"] or "")
            paddings.append(_zeros(missing, has_point=match["spread"] is not None))
        else:
            missing = decimals - len(match["decimals"] or "")
            paddings.append(_zeros(missing, has_point=match["decimals"] is not None) + spread)
    return paddings


def _zeros(length: int, *, has_point: bool = False) -> str:
    """Decimals of so many characters, with the decimal point unless there is one."""
    return "0" * length if has_point or not length else "." + "0" * (length - 1)
