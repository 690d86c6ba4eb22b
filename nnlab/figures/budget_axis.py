"""The cost of runs, or a number of their settings, as the axis of figures of trade-offs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.analysis.records import RankingRow
from nnlab.analysis.run_costs import (
    COST_LABELS,
    COSTS,
    run_costs,
    shared_time_notes,
    unknown_cost_reason,
)
from nnlab.errors import UnknownName, UsageError
from nnlab.figures.axis_fields import resolve_field
from nnlab.figures.draw.display_names import setting_name
from nnlab.figures.draw.reader_options import displayed
from nnlab.io.text import format_count
from nnlab.settings import setting_fields


@dataclass(frozen=True, slots=True)
class Budget:
    """A cost of runs, or a numeric field of their settings: its name and label, and its values.

    `values` holds the value of each run for which it is known. `notes` must be shown with it.
    """

    name: str
    label: str
    values: Mapping[int, float]
    notes: tuple[str, ...]


def load_budget(db: store.Database, rows: Sequence[RankingRow], name: str) -> Budget:
    """The budget of that name, a cost or a field, of all runs of some trials.

    Raises:
        UnknownName: there is no such cost, and no trial has that field.
        UsageError: no trial sets that field, or no run has a positive number.
    """
    run_ids = [run for row in rows for run in row.runs]
    key = resolve_field(name, [row.setting for row in rows])
    cost = next((choice for choice in COSTS if choice == key), None)
    if cost is not None:
        values = run_costs(db, store.runs(db, run_ids=run_ids), cost)
        reason, label = unknown_cost_reason(cost), displayed(COST_LABELS[cost], cost)
        notes = shared_time_notes(db, run_ids, cost)
    else:
        fields = {field for row in rows for field in row.setting}
        if key not in fields and key in setting_fields():
            raise UsageError(
                f"--x {name}: no trial sets {key}",
                hint=f"--x {'|'.join(COSTS)}, or a field that the trials vary",
            )
        if key not in fields:
            raise UnknownName("cost or field", name, [*COSTS, *sorted(fields)])
        values = {run: value for row in rows for run, value in _field_values(row, key)}
        reason, label, notes = f"{key} is no positive number", setting_name(key), []
    if not values:
        raise UsageError(f"--x {name}: {reason}")
    missing = len(run_ids) - len(values)
    if missing:
        notes = [*notes, f"{format_count(missing, 'run')} not drawn: {reason}"]
    return Budget(key, label, values, tuple(notes))


def _field_values(row: RankingRow, field: str) -> list[tuple[int, float]]:
    """The positive number of a field, for each run of a trial."""
    value = row.setting.get(field)
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        return []
    return [(run, float(value)) for run in row.runs]


def format_budget(value: float) -> str:
    """A large number in few letters, for ticks.

    >>> format_budget(25000.0), format_budget(1.5e6), format_budget(0.25)
    ('25k', '1.5M', '0.25')
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            scale = 1e3 if letter == "k" else size
            return f"{value / scale:g}{letter}"
    return f"{value:g}"
