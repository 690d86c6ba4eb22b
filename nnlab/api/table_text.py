"""Tables as text for a shell and as HTML for a notebook; values from a database are escaped."""

from collections.abc import Mapping, Sequence

from nnlab.io.escaping import escape_html, escape_terminal

_MAX_CELL_CHARACTERS = 60

_STYLE = "text-align: left"


def text_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """The lines of a table with aligned columns.

    >>> text_table(["run", "best"], [[1, 0.5], [12, None]])
    ['run  best', '  1   0.5', ' 12      ']
    """
    cells = [
        [_cell_text(column) for column in columns],
        *([_cell_text(value) for value in row] for row in rows),
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numeric = [
        all(isinstance(value, int | float | None) for value in column)
        for column in zip(*rows, strict=True)
    ] or [False] * len(columns)
    return [
        "  ".join(
            cell.rjust(width) if is_number else cell.ljust(width)
            for cell, width, is_number in zip(row, widths, numeric, strict=True)
        )
        for row in cells
    ]


def one_line(text: str) -> str:
    r"""Text on one line, without the control characters that a database may hold.

    >>> one_line("a\n\x1b[2Jb")
    'a \\x1b[2Jb'
    """
    return " ".join(escape_terminal(text).split())


def html_table(
    heading: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    footnotes: Sequence[str] = (),
) -> str:
    """A table element, with its heading before and its footnotes after it."""
    head = "".join(f'<th style="{_STYLE}">{_escape(column)}</th>' for column in columns)
    body = "".join(f"<tr>{''.join(map(_html_cell, row))}</tr>" for row in rows)
    notes = "".join(f"<p>{_escape(note)}</p>" for note in footnotes)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if rows else ""
    return f"<div><p><b>{_escape(heading)}</b></p>{table}{notes}</div>"


def _cell_text(value: object) -> str:
    """The text of a value on one line, shortened if it is long."""
    text = one_line(_value_text(value))
    if len(text) <= _MAX_CELL_CHARACTERS:
        return text
    return text[: _MAX_CELL_CHARACTERS - 3] + "..."


def _html_cell(value: object) -> str:
    return f'<td style="{_STYLE}">{_escape(_value_text(value))}</td>'


def _escape(text: str) -> str:
    return escape_html(escape_terminal(text))


def _value_text(value: object) -> str:
    """A value as text: numbers with five digits, lists and mappings without brackets."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_value_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_value_text, value))
    return str(value)
