"""Reads studies and runs, as frozen records, and finds runs by what people call them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy.engine import Connection

from nnlab.errors import UnknownName, UsageError
from nnlab.io.command_line import quote_command
from nnlab.records import Run, Status, Study, Trial
from nnlab.store.database import Database
from nnlab.store.liveness import Observer
from nnlab.store.remote_callable import remote_callable
from nnlab.store.row_validation import decode_row, decode_rows, note_unreadable
from nnlab.store.rows import (
    ID_LIST,
    SELECT_RUN,
    STUDY_COLUMNS,
    WORKER_COLUMNS,
    WORKER_JOIN,
    bind_ids,
    fetch_driver_rows,
    run_record,
    study_record,
    trial_record,
)
from nnlab.store.serialization import timestamp_from_text


@dataclass(frozen=True, slots=True)
class StudyOverview:
    """A study and how far it is: its trials, its current runs, and how many stand how."""

    study: Study
    trials: int
    runs: int
    by_status: Mapping[Status, int]
    last_activity: datetime | None


_STUDIES = f"SELECT {STUDY_COLUMNS} FROM study WHERE removed_at IS NULL ORDER BY id"  # noqa: S608
_REMOVED_STUDIES = f"SELECT {STUDY_COLUMNS} FROM study WHERE removed_at IS NOT NULL ORDER BY id"  # noqa: S608


def study_overviews(db: Database) -> tuple[StudyOverview, ...]:
    """All studies, oldest first."""
    with db.read() as connection:
        found = connection.exec_driver_sql(_STUDIES).fetchall()
        trials = _query_by_study(
            connection,
            "SELECT study_id, count(*) FROM trial WHERE EXISTS (SELECT 1 FROM run"
            " WHERE run.trial_id = trial.id AND run.removed_at IS NULL) GROUP BY study_id",
        )
        activity = _query_by_study(
            connection,
            "SELECT study_id, max(coalesce(ended_at, started_at, created_at))"
            " FROM run JOIN trial ON trial.id = run.trial_id WHERE run.removed_at IS NULL"
            " GROUP BY study_id",
        )
        counts = _statuses_by_study(db, connection)
    return tuple(
        StudyOverview(
            study=study,
            trials=trials.get(study.id, 0),
            runs=counts[study.id].total() if study.id in counts else 0,
            by_status=dict(counts.get(study.id, {})),
            last_activity=timestamp_or_none(activity.get(study.id)),
        )
        for study in decode_rows(db, "study", found, study_record)
    )


def all_studies(db: Database, *, removed: bool = False) -> tuple[Study, ...]:
    """The studies alone, oldest first: quicker than how far they are; or the removed ones."""
    with db.read() as connection:
        rows = fetch_driver_rows(connection, _REMOVED_STUDIES if removed else _STUDIES, ())
    return tuple(decode_rows(db, "study", rows, study_record))


@remote_callable
def runs(
    db: Database,
    *,
    study: int | None = None,
    run_ids: Iterable[int] | None = None,
    status: Status | None = None,
    tag: str | None = None,
    current_only: bool = False,
    limit: int | None = None,
    newest_first: bool = False,
    removed: bool = False,
) -> tuple[Run, ...]:
    """The runs that meet all that is given, oldest first unless asked otherwise.

    Args:
        db: the database.
        study: the number of a study.
        run_ids: numbers of runs; those that are not there are left out.
        status: as it is told, so that a run whose worker is gone counts as interrupted.
        tag: one of the run's tags.
        current_only: leave out runs that were trained again since.
        limit: so many at most.
        newest_first: turn the order round.
        removed: only those that were removed; they are left out otherwise.
    """
    where = [f"run.removed_at IS {'NOT NULL' if removed else 'NULL'}"]
    bound: list[Any] = []
    for condition, value in (
        ("trial.study_id = ?", study),
        (f"run.id IN {ID_LIST}", None if run_ids is None else bind_ids(run_ids)),
        (
            "json_valid(run.tags) AND EXISTS (SELECT 1 FROM json_each(run.tags) WHERE value = ?)",
            tag,
        ),
        (_status_condition(status), None if status is None else str(status)),
    ):
        if value is not None:
            where.append(condition)
            bound.append(value)
    if current_only:
        where.append("run.current")
    sql = (
        SELECT_RUN
        + f" WHERE {' AND '.join(where)}"
        + f" ORDER BY run.id {'DESC' if newest_first else 'ASC'}"
    )
    if limit is not None and status not in (Status.RUNNING, Status.INTERRUPTED):
        # What is told of all others is what is stored: none of the first is left out.
        sql += " LIMIT ?"
        bound.append(max(limit, 0))
    with db.read() as connection:
        return tuple(_select_runs(db, connection, sql, bound, status, limit))


@remote_callable
def find_runs(db: Database, refs: Sequence[str], *, removed: bool = False) -> tuple[Run, ...]:
    """The runs that people mean by numbers (`12`, `#12`) and names, in that order, each once.

    A name means its current runs: one for each seed that was trained under it.

    Args:
        db: the database.
        refs: numbers and names.
        removed: whether removed runs are meant, and no others.

    Raises:
        UnknownName: no run has that number or name.
        UsageError: the run of that number was removed, or was not where removed ones are meant;
            or a number is also the name of another run.
    """
    found: dict[int, Run] = {}
    observer = Observer.here()
    with db.read() as connection:
        for ref in refs:
            decode = partial(run_record, observer=observer)
            numbered = [decode_row("run", row, decode) for row in _rows_by_number(connection, ref)]
            by_name = _rows_by_name(connection, ref, removed=removed)
            named = [decode_row("run", row, decode) for row in by_name]
            _check_unambiguous(ref, named, numbered, removed=removed)
            if not (runs := named or numbered):
                raise UnknownName("run", ref, _valid_refs(connection))
            for run in runs:
                _check_removed_flag(run, removed=removed)
                found[run.id] = run
    return tuple(found.values())


def run_id_by_number(db: Database, ref: str, *, removed: bool = False) -> int | None:
    """The number that a word (`12`, `#12`) names, if there is a run of that number.

    Args:
        db: the database.
        ref: the word.
        removed: whether only removed runs are looked at, or only the others.
    """
    observer = Observer.here()
    with db.read() as connection:
        runs = [run_record(row, observer) for row in _rows_by_number(connection, ref)]
    return next((run.id for run in runs if (run.removed_at is not None) == removed), None)


def run_names(db: Database) -> tuple[str, ...]:
    """The names that runs were given, sorted."""
    with db.read() as connection:
        return tuple(_select_run_names(connection))


def trials(db: Database, trial_ids: Iterable[int]) -> dict[int, Trial]:
    """Trials by their number."""
    with db.read() as connection:
        rows = fetch_driver_rows(
            connection,
            "SELECT trial.id, study.name, trial.setting, trial.digest FROM trial"  # noqa: S608
            f" JOIN study ON study.id = trial.study_id WHERE trial.id IN {ID_LIST}",
            (bind_ids(trial_ids),),
        )
    return {trial.id: trial for trial in decode_rows(db, "trial", rows, trial_record)}


def count_runs(
    db: Database,
    *,
    study_ids: Iterable[int] | None = None,
    run_ids: Iterable[int] | None = None,
) -> dict[Status, int]:
    """How many current runs stand how, in studies, among runs, or in all."""
    where, bound = scope_conditions(study_ids, run_ids)
    trial = "" if study_ids is None else "JOIN trial ON trial.id = run.trial_id"
    counts: Counter[Status] = Counter()
    with db.read() as connection:
        for status, count in fetch_driver_rows(
            connection,
            f"SELECT run.status, count(*) FROM run {trial}"  # noqa: S608
            f" WHERE run.current{where} GROUP BY run.status",
            bound,
        ):
            if _is_known_status(db, status):
                counts[Status(status)] = count
        if counts[Status.RUNNING]:
            # Only of these the worker must be looked for.
            del counts[Status.RUNNING]
            observer = Observer.here()
            for place in fetch_driver_rows(
                connection,
                f"SELECT {WORKER_COLUMNS} FROM run {trial} {WORKER_JOIN}"  # noqa: S608
                f" WHERE run.current AND run.status = 'running'{where}",
                bound,
            ):
                with note_unreadable(db, "run", "that says it is running"):
                    counts[observer.status(*place)] += 1
    return {status: count for status, count in counts.items() if count}


def count_trials(
    db: Database,
    *,
    study_ids: Iterable[int] | None = None,
    run_ids: Iterable[int] | None = None,
    metric: str | None = None,
) -> int:
    """How many trials have a current run with an epoch, or with `metric` one measured by it."""
    where, bound = scope_conditions(study_ids, run_ids)
    tables = "run"
    if study_ids is not None:
        tables, where = "run CROSS JOIN trial", f" AND trial.id = run.trial_id{where}"
    if metric is None:
        where += " AND run.epochs > 0"
    else:
        # From the index of the metric to its runs: asking each run for the metric takes twice.
        tables = f"summary CROSS JOIN {tables}"
        named = "(SELECT id FROM metric WHERE name = ?)"
        where = f" AND summary.metric_id = {named} AND run.id = summary.run_id{where}"
        bound = (metric, *bound)
    with db.read() as connection:
        found: int = connection.exec_driver_sql(
            f"SELECT count(DISTINCT run.trial_id) FROM {tables} WHERE run.current{where}",  # noqa: S608
            bound,
        ).scalar_one()
    return found


# So many runs tell what is asked here; reading the settings of all costs 3 ms a thousand.
_MAX_OBJECTIVE_RUNS = 500


def count_objectives(
    db: Database,
    *,
    study_ids: Iterable[int] | None = None,
    run_ids: Iterable[int] | None = None,
) -> dict[str, int]:
    """What the trials of the newest runs select by (`val/loss:min`), and how many do."""
    where, bound = scope_conditions(study_ids, run_ids)
    with db.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT objective, count(*) FROM ("  # noqa: S608
            "SELECT id, CASE WHEN json_valid(setting) THEN"
            " json_extract(setting, '$.objective') END AS objective FROM trial"
            " WHERE id IN (SELECT trial.id FROM run JOIN trial"
            f" ON trial.id = run.trial_id WHERE run.current{where}"
            f" ORDER BY run.id DESC LIMIT {_MAX_OBJECTIVE_RUNS})) AS newest WHERE objective IS NOT NULL"
            " GROUP BY objective ORDER BY count(*) DESC, min(id)",
            bound,
        ).fetchall()
    return {str(objective): count for objective, count in rows}


def scope_conditions(
    study_ids: Iterable[int] | None, run_ids: Iterable[int] | None
) -> tuple[str, tuple[str, ...]]:
    """Conditions on `trial.study_id` and `run.id`, to be added with AND, and what they bind."""
    where, bound = "", []
    if study_ids is not None:
        where += f" AND trial.study_id IN {ID_LIST}"
        bound.append(bind_ids(study_ids))
    if run_ids is not None:
        where += f" AND run.id IN {ID_LIST}"
        bound.append(bind_ids(run_ids))
    return where, tuple(bound)


def _query_by_study(connection: Connection, sql: str) -> dict[int, Any]:
    return {study_id: value for study_id, value in connection.exec_driver_sql(sql)}  # noqa: C416


def _is_known_status(db: Database, status: object) -> bool:
    """Whether a run may have such a status; an unknown one is noted."""
    if status in set(Status):
        return True
    db.unreadable_rows["run", "with an unknown status"] = f"ValueError: its status is {status!r}"
    return False


def timestamp_or_none(text: object) -> datetime | None:
    """The moment that a text names; None where it names none."""
    try:
        return timestamp_from_text(text)  # type: ignore[arg-type]
    except (ValueError, TypeError):  # the run that says so is noted where runs are read
        return None


def _statuses_by_study(db: Database, connection: Connection) -> dict[int, Counter[Status]]:
    observer = Observer.here()
    counts: dict[int, Counter[Status]] = {}
    rows = connection.exec_driver_sql(
        f"SELECT trial.study_id, count(*), {WORKER_COLUMNS} FROM run"  # noqa: S608
        f" JOIN trial ON trial.id = run.trial_id {WORKER_JOIN}"
        " WHERE run.current GROUP BY 1, 3, 4, 5, 6, 7"
    )
    for study_id, count, *place in rows:
        if _is_known_status(db, place[0]):
            with note_unreadable(db, "run", f"of study {study_id}"):
                counts.setdefault(study_id, Counter())[observer.status(*place)] += count
    return counts


def _status_condition(status: Status | None) -> str:
    # A run whose worker is gone is interrupted and does not know it yet.
    if status is Status.INTERRUPTED:
        return "run.status IN (?, 'running')"
    return "run.status = ?"


def _select_runs(
    db: Database,
    connection: Connection,
    sql: str,
    bound: Sequence[Any],
    status: Status | None,
    limit: int | None,
) -> Iterator[Run]:
    if limit is not None and limit <= 0:
        return
    observer = Observer.here()
    count = 0
    rows = connection.exec_driver_sql(sql, tuple(bound))
    for run in decode_rows(db, "run", rows, partial(run_record, observer=observer)):
        if status is None or run.status is status:
            yield run
            count += 1
            if count == limit:
                return


def _rows_by_name(connection: Connection, name: str, *, removed: bool) -> Sequence[Any]:
    which = "run.removed_at IS NOT NULL" if removed else "run.current"
    return connection.exec_driver_sql(
        f"{SELECT_RUN} WHERE run.name = ? AND {which} ORDER BY run.id", (name,)
    ).fetchall()


def _check_unambiguous(
    ref: str, named: Sequence[Run], numbered: Sequence[Run], *, removed: bool
) -> None:
    """Raises UsageError where a word is the number of a run and the name of another one."""
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
    """Raises UsageError where a removed run is named among others, or the other way round."""
    if run.removed_at is not None and not removed:
        raise UsageError(
            f"run {run.id} was removed",
            hint=f"{quote_command('nnlab', 'rm', '--undo', run.id)} brings it back",
        )
    if run.removed_at is None and removed:
        raise UsageError(f"run {run.id} is not removed", hint="nnlab ls --removed lists those")


def _rows_by_number(connection: Connection, ref: str) -> Sequence[Any]:
    digits = ref.removeprefix("#")
    # Longer ones are beyond what SQLite counts to.
    if not (digits.isascii() and digits.isdigit() and len(digits) < 19):
        return ()
    return connection.exec_driver_sql(f"{SELECT_RUN} WHERE run.id = ?", (int(digits),)).fetchall()


def _select_run_names(connection: Connection) -> list[str]:
    rows = connection.exec_driver_sql(
        "SELECT DISTINCT name FROM run WHERE name IS NOT NULL AND removed_at IS NULL ORDER BY name"
    )
    return [name for (name,) in rows]


def _valid_refs(connection: Connection) -> list[str]:
    lowest, highest = connection.exec_driver_sql(
        "SELECT min(id), max(id) FROM run WHERE removed_at IS NULL"
    ).one()
    if lowest is None:
        return []
    return [
        f"{lowest} to {highest}" if lowest < highest else str(lowest),
        *_select_run_names(connection),
    ]
