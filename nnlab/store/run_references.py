"""Finds the runs that a user names by number (`12`, `#12`) or by name."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import BigInteger, func, literal, select
from sqlalchemy.engine import Connection

from nnlab.errors import UnknownName, UsageError
from nnlab.io.command_line import quote_command
from nnlab.records import Run
from nnlab.store.database import Database
from nnlab.store.liveness import Observer
from nnlab.store.remote_callable import remote_callable
from nnlab.store.row_validation import decode_row
from nnlab.store.rows import run_record, select_runs
from nnlab.store.tables import run as run_table


@remote_callable
def find_runs(db: Database, refs: Sequence[str], *, removed: bool = False) -> tuple[Run, ...]:
    """The runs with these numbers (`12`, `#12`) and names, in this order, each once.

    A name stands for its current runs, one for each seed.

    Args:
        db: the database.
        refs: numbers and names.
        removed: whether to find removed runs only, instead of runs that were not removed.

    Raises:
        UnknownName: no run has that number or name.
        UsageError: the run of that number was removed (with `removed`: was not removed), or a
            number is also the name of another run.
    """
    runs_by_id: dict[int, Run] = {}
    observer = Observer.local()
    with db.read() as connection:
        for ref in refs:
            decode = partial(run_record, observer=observer)
            numbered = [decode_row("run", row, decode) for row in _rows_by_number(connection, ref)]
            by_name = _rows_by_name(connection, ref, removed=removed)
            named = [decode_row("run", row, decode) for row in by_name]
            _check_unambiguous(ref, named, numbered, removed=removed)
            matches = named or numbered
            if not matches:
                raise UnknownName("run", ref, _valid_refs(connection))
            for run in matches:
                _check_removed_flag(run, removed=removed)
                runs_by_id[run.id] = run
    return tuple(runs_by_id.values())


def run_id_by_number(db: Database, ref: str, *, removed: bool = False) -> int | None:
    """The id of the run with a number such as `12` or `#12`; None if there is no such run.

    Args:
        db: the database.
        ref: the number.
        removed: whether to find a removed run, or one that was not removed.
    """
    observer = Observer.local()
    with db.read() as connection:
        runs = [run_record(row, observer) for row in _rows_by_number(connection, ref)]
    return next((run.id for run in runs if (run.removed_at is not None) == removed), None)


def run_names(db: Database) -> tuple[str, ...]:
    """The names of all runs, sorted."""
    with db.read() as connection:
        return tuple(_select_run_names(connection))


def _rows_by_name(connection: Connection, name: str, *, removed: bool) -> Sequence[Any]:
    condition = run_table.c.removed_at.is_not(None) if removed else run_table.c.current
    return connection.execute(
        select_runs().where(run_table.c.name == name, condition).order_by(run_table.c.id)
    ).all()


def _check_unambiguous(
    ref: str, named: Sequence[Run], numbered: Sequence[Run], *, removed: bool
) -> None:
    """Raises UsageError if a reference is the number of a run and the name of another one."""
    others = [run for run in named if run.id != numbered[0].id] if numbered else []
    if not others or (numbered[0].removed_at is not None) != removed:
        return
    listed = ", ".join(str(run.id) for run in others[:5]) + (", ..." if len(others) > 5 else "")
    number = numbered[0].id
    other_way = str(number) if ref.startswith("#") else f"#{number}"
    raise UsageError(
        f"'{ref}' is ambiguous: it is the number of run {number} and the name of run {listed}",
        hint=f"'{other_way}' is run {number}; name the other by its own number",
    )


def _check_removed_flag(run: Run, *, removed: bool) -> None:
    """Raises UsageError if a run was removed, or with `removed` if it was not."""
    if run.removed_at is not None and not removed:
        raise UsageError(
            f"run {run.id} was removed",
            hint=f"{quote_command('nnlab', 'rm', '--undo', run.id)} brings it back",
        )
    if run.removed_at is None and removed:
        raise UsageError(f"run {run.id} is not removed", hint="nnlab ls --removed lists those")


def _rows_by_number(connection: Connection, ref: str) -> Sequence[Any]:
    digits = ref.removeprefix("#")
    # Larger numbers do not fit into SQLite's integers.
    if not (digits.isascii() and digits.isdigit() and len(digits) < 19):
        return ()
    return connection.execute(
        select_runs().where(run_table.c.id == literal(int(digits), BigInteger()))
    ).all()


def _select_run_names(connection: Connection) -> list[str]:
    return list(
        connection.execute(
            select(run_table.c.name)
            .distinct()
            .where(run_table.c.name.is_not(None), run_table.c.removed_at.is_(None))
            .order_by(run_table.c.name)
        ).scalars()
    )


def _valid_refs(connection: Connection) -> list[str]:
    lowest, highest = connection.execute(
        select(func.min(run_table.c.id), func.max(run_table.c.id)).where(
            run_table.c.removed_at.is_(None)
        )
    ).one()
    if lowest is None:
        return []
    return [
        f"{lowest} to {highest}" if lowest < highest else str(lowest),
        *_select_run_names(connection),
    ]
