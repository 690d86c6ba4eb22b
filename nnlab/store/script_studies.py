"""Studies of users' scripts: the record of the script, and runs of an earlier version of it."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection

from nnlab.errors import StudyExists
from nnlab.io.command_line import quote_command
from nnlab.records import Objective, Origin, Setting, Status, Study
from nnlab.store.constructs import in_ids
from nnlab.store.database import Database
from nnlab.store.external_runs import get_or_create_trial, move_run
from nnlab.store.liveness import Observer
from nnlab.store.remote_callable import remote_callable
from nnlab.store.rows import WORKER_COLUMNS, join_worker
from nnlab.store.serialization import replace_invalid_unicode, timestamp_to_text, to_json
from nnlab.store.study import find_study
from nnlab.store.tables import run as run_table
from nnlab.store.tables import study as study_table
from nnlab.store.tables import trial as trial_table


def put_script(
    db: Database, name: str, script: Mapping[str, object], *, objective: Objective | None = None
) -> Study:
    """Creates an open study of a script, or replaces the record of the script of that study.

    Args:
        db: the database.
        name: the name of the study.
        script: the record; its `name` identifies the script.
        objective: replaces the objective of the study, which only ranks its runs; None keeps it.

    Raises:
        StudyExists: the study has another script, or runs that nnlab trains.
        UsageError: the study was removed.
    """
    stored_name = replace_invalid_unicode(name)
    with db.write() as connection:
        row = connection.execute(
            select(study_table.c.id, study_table.c.script, study_table.c.space).where(
                study_table.c.name == stored_name
            )
        ).one_or_none()
        if row is None:
            connection.execute(
                insert(study_table).values(
                    name=stored_name,
                    question="",
                    objective=str(objective) if objective else None,
                    seeds="[]",
                    created_at=timestamp_to_text(datetime.now(UTC)),
                    script=to_json(script),
                )
            )
        else:
            _check_same_script(connection, name, row.id, row.script, script)
            _check_open(name, row.space)
            values = {"script": to_json(script)}
            if objective is not None:
                values["objective"] = str(objective)
            connection.execute(
                update(study_table).where(study_table.c.id == row.id).values(**values)
            )
    return find_study(db, stored_name)


def _check_open(name: str, space: str | None) -> None:
    if space is not None:
        raise StudyExists(
            f"study '{name}' has a fixed space, so no other trials can be added to it",
            hint=f"{quote_command('nnlab', 'train', '--study', name)} executes its runs;"
            " give the study of other flags another name with --study",
        )


def _check_same_script(
    connection: Connection, name: str, study_id: int, stored: str | None, new: Mapping[str, object]
) -> None:
    hint = "give the study of this script another name: --study NAME"
    if stored is not None:
        other = json.loads(stored).get("name")
        if other != new["name"]:
            raise StudyExists(f"study '{name}' belongs to another script: {other}", hint=hint)
        return
    internal = [str(origin) for origin in Origin if not origin.is_external]
    trained_here = connection.execute(
        select(run_table.c.id)
        .join(trial_table, trial_table.c.id == run_table.c.trial_id)
        .where(trial_table.c.study_id == study_id, run_table.c.origin.in_(internal))
        .limit(1)
    ).scalar_one_or_none()
    if trained_here is not None:
        raise StudyExists(
            f"study '{name}' has runs that nnlab trains itself, not runs of a script", hint=hint
        )


def replace_script(db: Database, study_id: int, script: Mapping[str, object]) -> None:
    """Replaces the record of the script of a study."""
    with db.write() as connection:
        connection.execute(
            update(study_table).where(study_table.c.id == study_id).values(script=to_json(script))
        )


@remote_callable
def find_script(db: Database, run_id: int) -> Mapping[str, object] | None:
    """The record of the script that a run executes; None if its study has none."""
    with db.read() as connection:
        text: str | None = connection.execute(
            select(study_table.c.script)
            .join(trial_table, trial_table.c.study_id == study_table.c.id)
            .join(run_table, run_table.c.trial_id == trial_table.c.id)
            .where(run_table.c.id == run_id)
        ).scalar_one_or_none()
    return json.loads(text) if text else None


@remote_callable
def find_objective(db: Database, run_id: int) -> Objective | None:
    """The objective of the study that a run belongs to."""
    with db.read() as connection:
        text: str | None = connection.execute(
            select(study_table.c.objective)
            .join(trial_table, trial_table.c.study_id == study_table.c.id)
            .join(run_table, run_table.c.trial_id == trial_table.c.id)
            .where(run_table.c.id == run_id)
        ).scalar_one_or_none()
    return Objective.parse(text) if text else None


@remote_callable
def put_objective(
    db: Database, run_id: int, objective: Objective, *, replaced: Objective | None
) -> bool:
    """Sets the objective of a run's study if it is still `replaced`; returns whether it was."""
    own_study = (
        select(trial_table.c.study_id)
        .join(run_table, run_table.c.trial_id == trial_table.c.id)
        .where(run_table.c.id == run_id)
        .scalar_subquery()
    )
    stored = study_table.c.objective
    is_unchanged = stored.is_(None) if replaced is None else stored == str(replaced)
    with db.write(exclusive=False) as connection:
        result = connection.execute(
            update(study_table)
            .where(study_table.c.id == own_study, is_unchanged)
            .values(objective=str(objective))
        )
    return bool(result.rowcount)


def move_unfinished_runs(db: Database, run_ids: Sequence[int], setting: Setting) -> int:
    """Moves runs without a result to the trial with another setting; returns how many.

    Runs that a worker executes stay where they are, and so does a run whose seed that trial has.
    """
    observer = Observer.local()
    moved = 0
    with db.write() as connection:
        rows = connection.execute(
            select(run_table.c.id, run_table.c.seed, trial_table.c.study_id, *WORKER_COLUMNS)
            .select_from(
                join_worker(run_table.join(trial_table, trial_table.c.id == run_table.c.trial_id))
            )
            .where(in_ids(run_table.c.id, run_ids))
        ).all()
        for run_id, seed, study_id, *worker in rows:
            status = observer.status(*worker)
            if status is Status.RUNNING or not status.needs_training:
                continue
            trial_id = get_or_create_trial(connection, study_id, setting, None)
            is_taken = connection.execute(
                select(run_table.c.id).where(
                    run_table.c.trial_id == trial_id,
                    run_table.c.seed == seed,
                    run_table.c.current,
                )
            ).first()
            if is_taken is None:
                move_run(connection, run_id, trial_id, seed)
                moved += 1
    return moved
