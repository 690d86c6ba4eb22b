"""The requested columns of rankings (`--columns`, `--relative`) in tables for papers."""

import math
from collections.abc import Iterable, Mapping, Sequence

from nnlab.analysis.extra_columns import BASE_TEXT, RELATIVE_KEY, relative_notes
from nnlab.analysis.records import ExtraColumn, Ranking
from nnlab.figures.trials import trial_title
from nnlab.report.measured_cell import MeasuredCell
from nnlab.report.text_table import typeset_number
from nnlab.stats.number_columns import WrittenNumber


def extra_headings(rankings: Iterable[Ranking]) -> Mapping[str, str]:
    """The headings of all requested columns, by key."""
    return {column.key: column.heading for ranking in rankings for column in ranking.extra_columns}


def extra_notes(rankings: Iterable[Ranking]) -> tuple[str, ...]:
    """The notes of all requested columns as sentences, each once."""
    notes = (
        f"{note[:1].upper()}{note[1:]}."
        for ranking in rankings
        for column in ranking.extra_columns
        for note in _notes_for_print(ranking, column)
    )
    return tuple(dict.fromkeys(notes))


def _notes_for_print(ranking: Ranking, column: ExtraColumn) -> Sequence[str]:
    """The notes without options of the command line, and with the title of the base."""
    if column.key == RELATIVE_KEY and BASE_TEXT in column.texts:
        base = ranking.rows[column.texts.index(BASE_TEXT)]
        compared = sum(value is not None for value in column.values)
        missing = sum(
            value is None and row is not base and not row.all_diverged
            for row, value in zip(ranking.rows, column.values, strict=True)
        )
        return relative_notes(
            trial_title(base, ranking),
            ranking.objective,
            compared=compared,
            missing=missing,
            all_diverged=base.all_diverged,
        )
    return [note.partition("; --")[0] for note in column.notes]


def extra_cells(
    ranking: Ranking, index: int, keys: Sequence[str]
) -> tuple[MeasuredCell | None, ...]:
    """The cells of these columns in a row of a ranking; None where nothing is known."""
    columns = {column.key: column for column in ranking.extra_columns}
    return tuple(_cell(columns[key], index) if key in columns else None for key in keys)


def _cell(column: ExtraColumn, index: int) -> MeasuredCell | None:
    text = column.texts[index]
    if not text:
        return None
    value = next(iter((column.values[index] or {}).values()), math.nan)
    # A number without commas and words is aligned like other numbers.
    plain = text.replace(",", "")
    number = plain if plain.replace(".", "").isdigit() else typeset_number(text)
    return MeasuredCell(value, math.nan, bold=False, written=WrittenNumber(number))
