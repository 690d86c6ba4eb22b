"""The data that runs were trained on: what decides which of them can be compared."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from nnlab.store.database import Database
from nnlab.store.queries import scope_conditions
from nnlab.store.rows import ID_LIST, bind_ids, fetch_driver_rows


class RunData(NamedTuple):
    """A run, its trial, and the fingerprint of its data (None before it was loaded)."""

    run_id: int
    trial_id: int
    fingerprint: str | None


def distinct_data(
    db: Database, *, study_ids: Iterable[int] | None = None, run_ids: Iterable[int] | None = None
) -> tuple[RunData, ...]:
    """For each data fingerprint of the current runs with an epoch its newest run and one trial.

    The trial is any with that fingerprint. Runs without a fingerprint are given trial by trial.
    No setting is read: with ten thousand runs that takes longer than ranking them.
    """
    tables, where, bound = _current_runs_clause(study_ids, run_ids)
    with db.read() as connection:
        rows = fetch_driver_rows(
            connection,
            f"SELECT max(run.id), max(run.trial_id), run.data_fingerprint FROM {tables}"  # noqa: S608
            f" WHERE run.current AND run.epochs > 0{where}"
            " GROUP BY run.data_fingerprint,"
            " CASE WHEN run.data_fingerprint IS NULL THEN run.trial_id END",
            bound,
        )
    return tuple(RunData(*row) for row in rows)


def data_of_runs(
    db: Database, *, study_ids: Iterable[int] | None = None, run_ids: Iterable[int] | None = None
) -> tuple[RunData, ...]:
    """The data of each current run, by run, whether it has an epoch or not."""
    tables, where, bound = _current_runs_clause(study_ids, run_ids)
    with db.read() as connection:
        rows = fetch_driver_rows(
            connection,
            f"SELECT run.id, run.trial_id, run.data_fingerprint FROM {tables}"  # noqa: S608
            f" WHERE run.current{where} ORDER BY run.id",
            bound,
        )
    return tuple(RunData(*row) for row in rows)


def trial_fields(
    db: Database,
    fields: Sequence[str],
    *,
    study_ids: Iterable[int] | None = None,
    run_ids: Iterable[int] | None = None,
) -> dict[int, tuple[Any, ...]]:
    """Some fields of the setting of each trial that has a current run, None where it lacks one.

    The values are as the database extracts them: on a server all of them are text.
    """
    tables, where, bound = _current_runs_clause(study_ids, run_ids)
    extracted = ", ".join(f"json_extract(setting, '$.{field}')" for field in fields)
    with db.read() as connection:
        rows = fetch_driver_rows(
            connection,
            f"SELECT id, {extracted} FROM trial WHERE id IN"  # noqa: S608
            f" (SELECT run.trial_id FROM {tables} WHERE run.current{where})",
            bound,
        )
    return {trial_id: tuple(values) for trial_id, *values in rows}


def seeds_with_changing_data(db: Database, run_ids: Iterable[int]) -> Mapping[int, tuple[int, ...]]:
    """The seeds of each trial of which runs among these were trained on different data."""
    with db.read() as connection:
        rows = fetch_driver_rows(
            connection,
            "SELECT trial_id, seed, data_fingerprint FROM run"  # noqa: S608
            f" WHERE id IN {ID_LIST} AND data_fingerprint IS NOT NULL ORDER BY trial_id, seed",
            (bind_ids(run_ids),),
        )
    fingerprints: dict[int, dict[int, str]] = {}
    for trial_id, seed, fingerprint in rows:
        fingerprints.setdefault(trial_id, {})[seed] = fingerprint
    return {
        trial_id: tuple(by_seed)
        for trial_id, by_seed in fingerprints.items()
        if len(set(by_seed.values())) > 1
    }


def _current_runs_clause(
    study_ids: Iterable[int] | None, run_ids: Iterable[int] | None
) -> tuple[str, str, tuple[str, ...]]:
    """Tables that give `run`, conditions on them and what these bind."""
    where, bound = scope_conditions(study_ids, run_ids)
    if study_ids is None:
        return "run", where, bound
    return "run CROSS JOIN trial", f" AND trial.id = run.trial_id{where}", bound
