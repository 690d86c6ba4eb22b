"""The format of a text table: encoding, separator, decimal mark and header, given or detected.

A file that is a table in UTF-8 with commas and a header is always read as such: other formats are
considered only where this reading fails.
"""

import codecs
import csv
import io
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnlab.engine.data.table_columns import is_missing, unique_names
from nnlab.engine.data.table_options import FormatOptions
from nnlab.errors import DataError
from nnlab.settings.numbers import parse_number

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " "}
_OTHER_SEPARATORS = (";", "\t", "|")
_MARKS = {"none": "", "comma": ",", "point": ".", "space": " ", "apostrophe": "'"}
_WORDS = {mark: word for word, mark in SEPARATORS.items()}
_SEPARATOR_ROWS = 50
SAMPLE_ROWS = 1000
# The format is detected in so many first characters or bytes of a file.
HEAD_SIZE = 1 << 18

_DECIMAL_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+([eE][+-]?\d+)?")
_DECIMAL_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")
_GROUPED_POINT = re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?")
_GROUPED_COMMA = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")


@dataclass(frozen=True, slots=True)
class TextFormat:
    """How the text of a table becomes cells; `notes` describe what was detected."""

    sep: str = ","
    decimal: str = "."
    thousands: str = ""
    has_header: bool = True
    notes: tuple[str, ...] = ()

    @property
    def has_plain_numbers(self) -> bool:
        """Whether numbers are written as Python writes them."""
        return self.decimal == "." and not self.thousands

    def number_converter(self) -> Callable[[str], str]:
        """A function that rewrites numbers with plain digits; other texts are unchanged.

        >>> TextFormat(decimal=",", thousands=".").number_converter()("1.234,5")
        '1234.5'
        """
        mark, decimal = re.escape(self.thousands), re.escape(self.decimal)
        whole = rf"(\d{{1,3}}({mark}\d{{3}})+|\d+)" if mark else r"\d+"
        pattern = re.compile(rf"[+-]?{whole}({decimal}\d+)?([eE][+-]?\d+)?")

        def convert(text: str) -> str:
            if not pattern.fullmatch(text):
                return text
            plain = text.replace(self.thousands, "") if self.thousands else text
            return plain.replace(self.decimal, ".")

        return convert


def decode(path: Path, content: bytes, encoding: str | None) -> tuple[str, tuple[str, ...]]:
    """The text of a file, and a note if its encoding was detected.

    Raises:
        DataError: it is not text.
    """
    detected = encoding or detect_encoding(content)
    try:
        text = content.decode("utf-8-sig" if detected == "utf-8" else detected)
    except UnicodeError as error:
        raise DataError(
            f"{path} is not a table in {detected}: {error}",
            hint=f"--csv-encoding {'cp1252' if detected == 'utf-8' else 'utf-8'}, utf-16 or latin-1"
            " reads it in another encoding",
        ) from None
    is_binary = "\0" in text and detected != "utf-8"
    if is_binary:
        raise DataError(f"{path} is not a CSV table in UTF-8 or another encoding")
    is_plain = encoding is not None or detected == "utf-8"
    return text, () if is_plain else (f"encoding {detected} (detected; --csv-encoding)",)


def detect_encoding(content: bytes, *, complete: bool = True) -> str:
    """The encoding of a text: utf-8, utf-16, cp1252 or latin-1.

    Args:
        content: the bytes of the file.
        complete: whether these are all bytes; otherwise a character may be cut at their end.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(content, final=complete)
    except UnicodeDecodeError:
        try:
            content.decode("cp1252")
        except UnicodeDecodeError:
            return "latin-1"
        return "cp1252"
    return "utf-8"


def split_rows(lines: Iterable[str], sep: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, each with the number of the line on which it ends."""
    reader = csv.reader(lines, delimiter=sep, skipinitialspace=sep == " ")
    for row in reader:
        cells = [cell.strip() for cell in row]
        if len(cells) > 1 or any(cells):
            yield reader.line_num, cells


def detect_format(text: str, options: FormatOptions) -> TextFormat:
    """The format of a text, or of its beginning, completed by what the user gave.

    Raises:
        csv.Error: the text cannot be split into cells.
    """
    notes = []
    sep = SEPARATORS[options.sep] if options.sep else _detect_separator(text)
    if options.sep is None and sep != ",":
        notes.append(f"separated by {sep!r} (detected; --csv-sep)")
    rows = [row for _, row in itertools.islice(split_rows(_lines(text), sep), SAMPLE_ROWS)]
    decimal, thousands = _detect_marks(rows[1:], sep, options)
    if options.decimal is None and decimal != ".":
        notes.append("decimal comma (detected; --csv-decimal)")
    if options.thousands is None and thousands:
        notes.append(f"thousands are separated by {thousands!r} (detected; --csv-thousands)")
    detected = TextFormat(sep, decimal, thousands)
    has_header = options.header != "no"
    if options.header is None and rows:
        has_header = _detect_header(rows[0], detected.number_converter())
        if not has_header:
            notes.append("no header: the columns are column_1, ... (detected; --csv-header)")
    return TextFormat(sep, decimal, thousands, has_header, tuple(notes))


def name_columns(
    rows: Iterator[tuple[int, list[str]]], text_format: TextFormat
) -> tuple[tuple[str, ...], Iterator[tuple[int, list[str]]], tuple[str, ...]]:
    """The names of the columns, the rows of values, and notes about renamed columns."""
    first = next(rows, None)
    if first is None:
        return (), rows, ()
    if text_format.has_header:
        names, notes = unique_names(first[1])
        return names, rows, notes
    names = tuple(f"column_{number}" for number in range(1, len(first[1]) + 1))
    return names, itertools.chain([first], rows), ()


def _lines(text: str) -> Iterator[str]:
    return io.StringIO(text, newline="")


def _detect_separator(text: str) -> str:
    """The comma if it splits the first rows evenly, otherwise the separator that does.

    Spaces are separators only if no other separator occurs in the header.
    """
    widths = {",": _widths(text, ",")}
    if _are_even(widths[","]):
        return ","
    widths |= {sep: _widths(text, sep) for sep in _OTHER_SEPARATORS}
    even = [sep for sep, counts in widths.items() if _are_even(counts)]
    if even:
        return max(even, key=lambda sep: widths[sep][0])
    split = [sep for sep, counts in widths.items() if counts and counts[0] > 1]
    if split:
        return split[0]
    return " " if _are_even(_widths(text, " ")) else ","


def _are_even(widths: Sequence[int]) -> bool:
    return len(set(widths)) == 1 and widths[0] > 1


def _widths(text: str, sep: str) -> list[int]:
    try:
        rows = itertools.islice(split_rows(_lines(text), sep), _SEPARATOR_ROWS)
        return [len(row) for _, row in rows]
    except csv.Error:
        return []


def _detect_marks(
    rows: Sequence[Sequence[str]], sep: str, options: FormatOptions
) -> tuple[str, str]:
    """The decimal mark and the mark between groups of digits, empty for none."""
    cells = {cell for row in rows for cell in row}
    if options.decimal is not None:
        decimal = _MARKS[options.decimal]
    elif options.thousands in ("comma", "point"):
        # The mark between groups is not the decimal mark too.
        decimal = "," if options.thousands == "point" else "."
    else:
        decimal = "," if sep != "," and _has_decimal_comma(cells) else "."
    if options.thousands is not None:
        return decimal, _MARKS[options.thousands]
    if decimal == ",":
        return decimal, "." if any(map(_GROUPED_POINT.fullmatch, cells)) else ""
    if not any("," in cell for cell in cells) or (sep == "," and not _has_grouped_column(rows)):
        return decimal, ""
    return decimal, "," if any(map(_GROUPED_COMMA.fullmatch, cells)) else ""


def _has_decimal_comma(cells: Iterable[str]) -> bool:
    cells = list(cells)
    points = (c for c in cells if _DECIMAL_POINT.fullmatch(c) and not _GROUPED_POINT.fullmatch(c))
    return any(map(_DECIMAL_COMMA.fullmatch, cells)) and not any(points)


def _has_grouped_column(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a column has plain numbers and numbers with commas, and nothing else.

    A column with only the latter is categorical, as it has always been.
    """
    for column in itertools.zip_longest(*rows, fillvalue=""):
        cells = [cell for cell in column if not is_missing(cell)]
        grouped = [_GROUPED_COMMA.fullmatch(cell) is not None for cell in cells]
        plain = [parse_number(cell) is not None for cell in cells]
        if any(grouped) and any(plain) and all(map(max, grouped, plain)):
            return True
    return False


def _detect_header(first: Sequence[str], convert: Callable[[str], str]) -> bool:
    """Whether the first row names the columns: numbers are no names, nor are repeated ones."""
    numbers = [parse_number(convert(cell)) is not None for cell in first]
    if all(numbers):
        return False
    return not (any(numbers) and len(set(first)) < len(first))
