"""The runs that a figure ranks if `--select` names values of a field that separates groups.

A figure shows one group of comparable runs, the newest by default. `--select data=wine` selects
the group of wine: the runs are narrowed before the group is chosen.
"""

from collections.abc import Sequence
from dataclasses import replace

from nnlab import store
from nnlab.analysis.comparable import ComparableGroup, comparable_groups
from nnlab.analysis.scope import Scope
from nnlab.errors import UnknownName, UsageError
from nnlab.figures.draw.display_names import value_name
from nnlab.figures.draw.reader_options import selected_values
from nnlab.records import Scalar
from nnlab.settings.setting_differences import format_value


def narrow_to_selection(
    db: store.Database, scope: Scope, *, by: str | None, along: Sequence[str | None]
) -> Scope:
    """The scope without the groups of comparable runs whose values `--select` leaves out.

    Args:
        db: the database.
        scope: the runs that the command names.
        by: the metric to rank by; None uses the objective.
        along: fields that are an axis of the figure, so that several of their values are drawn.

    Raises:
        UnknownName: no group has a selected value.
        UsageError: the selected values belong to groups that cannot be drawn together.
    """
    selected = selected_values()
    if not selected:
        return scope
    groups = kept = comparable_groups(db, scope, by=by)
    for field in (name for name in selected if any(name in (g.fields or {}) for g in groups)):
        matched = {value: _groups_with(kept, field, value) for value in selected[field]}
        for value in (value for value, members in matched.items() if not members):
            raise UnknownName(f"value of {field}", value, _values_of(groups, field))
        if field not in along and len({g.value(field) for m in matched.values() for g in m}) > 1:
            raise UsageError(
                f"trials with {field} {', '.join(matched)} are not comparable, so they are not"
                " drawn in one figure",
                hint=f"--select {field}={next(iter(matched))}",
            )
        kept = tuple(g for g in kept if any(g in members for members in matched.values()))
    if len(kept) == len(groups):
        return scope
    return replace(scope, studies=None, runs=tuple(run for g in kept for run in g.scope.runs or ()))


def _groups_with(
    groups: Sequence[ComparableGroup], field: str, value: str
) -> tuple[ComparableGroup, ...]:
    return tuple(g for g in groups if value in _spellings(field, g.value(field)))


def _values_of(groups: Sequence[ComparableGroup], field: str) -> list[str]:
    values = (group.value(field) for group in groups)
    return list(dict.fromkeys(format_value(value) for value in values if value is not None))


def _spellings(field: str, value: Scalar) -> tuple[str, ...]:
    return () if value is None else (format_value(value), value_name(field, value))
