"""`nnlab gate --ledger`: the candidates that were tested."""

from typing import Any

from nnlab import store
from nnlab.analysis.gate import LedgerRow, interval_text, ledger_rows
from nnlab.cli.open_database import open_db
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, render, say
from nnlab.stats.rounding import format_p
from nnlab.study.gate_values import ledger_values


def _number(value: float) -> str:
    return f"{value:.3g}"


def _columns(*, several_studies: bool) -> tuple[TableColumn, ...]:
    return (
        TableColumn("entry", "#", align_right=True),
        TableColumn("study", "study", priority=3, hidden=not several_studies),
        TableColumn("candidate", "candidate", wrap=True),
        TableColumn("verdict", "verdict"),
        TableColumn("effect", "better by", _number, align_right=True),
        TableColumn("interval", "interval", align_right=True, priority=2),
        TableColumn("p", "p", format_p, align_right=True, priority=1),
        TableColumn("level", "level", _number, align_right=True, priority=2),
        TableColumn("seeds_used", "seeds", align_right=True),
        TableColumn("best", "best", lambda best: "*" if best else "", priority=1),
        TableColumn("reason", "reason", wrap=True, priority=4),
    )


_HIDDEN = ("low", "high", "max_seeds", "objective", "min_effect", "candidate_trial",
           "baseline_trial", "created_at", "ended_at")  # fmt: skip


def print_ledger(study_name: str | None, output_format: Format, db: str | None) -> None:
    """Prints the ledger of a study, or those of all studies.

    Raises:
        UnknownName: there is no such study.
        StoreError: the database cannot be read.
    """
    with open_db(db) as database:
        studies = None if study_name is None else [store.find_study(database, study_name).id]
        rows = ledger_rows(database, store.ledger(database, studies))
    if not rows and output_format is Format.TABLE:
        where = f"of study '{study_name}'" if study_name is not None else "of this database"
        say(f"no candidate {where} has been tested; nnlab gate tests one")
        return
    values = [_list_values(row, output_format) for row in rows]
    columns = _columns(several_studies=len({row.entry.study for row in rows}) > 1)
    if output_format in (Format.JSON, Format.CSV):
        shown = tuple(column for column in columns if column.key != "interval")
        hidden = tuple(TableColumn(key, key, hidden=True) for key in _HIDDEN)
        render(values, (*shown, *hidden), output_format)
        return
    render(values, columns, output_format)
    if output_format is Format.TABLE:
        say("* is the baseline of the next candidate", style="dim")


def _list_values(row: LedgerRow, output_format: Format) -> dict[str, Any]:
    """The values of an entry; for people with its interval as text and a word for an open test."""
    values = ledger_values(row)
    if output_format in (Format.JSON, Format.CSV):
        return values
    interval = interval_text(row.entry.low, row.entry.high)
    return {**values, "interval": interval, "verdict": row.entry.verdict or "unfinished"}
