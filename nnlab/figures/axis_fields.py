"""The settings on the axes of heatmaps and sweeps, and their values."""

from collections.abc import Sequence

from nnlab.analysis.records import Ranking, RankingRow
from nnlab.errors import UnknownName, UsageError
from nnlab.figures.draw.display_names import trial_name, value_name
from nnlab.figures.draw.reader_options import in_chosen_order
from nnlab.objective import format_exact
from nnlab.records import Scalar, Setting
from nnlab.settings import as_stored_name
from nnlab.settings.setting_differences import format_value

AxisValue = float | str


def choose_fields(ranking: Ranking, names: Sequence[str | None]) -> tuple[str, ...]:
    """The requested fields; each None is replaced by the next field in which the trials differ.

    Numeric fields come first, then fields with more values.

    Raises:
        UnknownName: no trial has that field.
        UsageError: too few fields differ.
    """
    available = {name for row in ranking.rows for name in row.labelled_setting}
    settings = [row.labelled_setting for row in ranking.rows]
    requested = [None if name is None else resolve_field(name, settings) for name in names]
    for name in requested:
        if name is not None and name not in available:
            raise UnknownName("field", name, available)
    free = sorted(
        (name for name in ranking.fields if name not in requested),
        key=lambda name: (
            not _has_only_numbers(ranking.rows, name),
            -len(_distinct_values(ranking.rows, name)),
        ),
    )
    needed = sum(name is None for name in requested)
    if len(free) < needed:
        differ = ", ".join(ranking.fields) or "nothing"
        count = "one setting" if len(requested) == 1 else "two settings"
        raise UsageError(
            f"this figure needs {count} in which trials differ; these trials differ in {differ}",
            hint="nnlab train --lr 0.001..1 --seeds 3 creates trials that differ",
        )
    unused = iter(free)
    return tuple(next(unused) if name is None else name for name in requested)


def resolve_field(name: str, settings: Sequence[Setting]) -> str:
    """The field that a user means by `lr`, `--batch-size`, or the exact name of another program."""
    if any(name in setting for setting in settings):
        return as_stored_name(name, settings)
    return as_stored_name(name.lstrip("-").replace("-", "_"), settings)


def axis_value(row: RankingRow, field: str) -> AxisValue:
    """The value of a field on an axis: a number, or the text of a category."""
    value = row.labelled_setting.get(field)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return format_value(value) or "-"


def value_label(field: str, value: AxisValue) -> str:
    """The name of a value on the axis of its field."""
    return value_name(field, value)


def line_label(field: str, value: AxisValue) -> str:
    """The name of a value away from the axis of its field, such as `lr 0.01`."""
    return trial_name({field: value}, [field])


def ordered_values(values: Sequence[AxisValue], field: str) -> list[AxisValue]:
    """The distinct values of a field: those that the author ordered, and the others after them.

    Numbers are in ascending order, categories in the order of appearance.
    """
    distinct = list(dict.fromkeys(values))
    texts = [value for value in distinct if isinstance(value, str)]
    if texts and len(texts) < len(distinct):
        # A field with numbers and texts is treated as categorical.
        distinct = [value if isinstance(value, str) else format_exact(value) for value in distinct]
    elif not texts:
        distinct = sorted(distinct)
    return in_chosen_order(distinct, lambda value: (value_label(field, value), format_value(value)))


def point_coordinates(
    rows: Sequence[RankingRow], fields: Sequence[str]
) -> list[tuple[AxisValue, ...]]:
    """The values of the fields of each row; the numbers of a field with texts are texts too."""
    mixed = {name for name in fields if _has_words_and_numbers(rows, name)}
    return [tuple(_coordinate(row, name, mixed) for name in fields) for row in rows]


def _coordinate(row: RankingRow, field: str, mixed: set[str]) -> AxisValue:
    value = axis_value(row, field)
    return format_exact(value) if field in mixed and not isinstance(value, str) else value


def _has_words_and_numbers(rows: Sequence[RankingRow], field: str) -> bool:
    return len({isinstance(axis_value(row, field), str) for row in rows}) > 1


def _has_only_numbers(rows: Sequence[RankingRow], field: str) -> bool:
    return not any(isinstance(axis_value(row, field), str) for row in rows)


def _distinct_values(rows: Sequence[RankingRow], field: str) -> set[Scalar]:
    return {row.labelled_setting.get(field) for row in rows}
