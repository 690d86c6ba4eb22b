"""Runs of other programs: creates them, and stores what their program says later."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Connection

from nnlab.errors import UsageError
from nnlab.records import Objective, Origin, Run, Scalar, Setting, Status
from nnlab.settings import ExternalSetting, digest_of
from nnlab.store.database import Database
from nnlab.store.leases import Claim, lease_lost_error
from nnlab.store.liveness import Observer
from nnlab.store.remote_callable import remote_callable
from nnlab.store.row_validation import note_unreadable
from nnlab.store.rows import select_run
from nnlab.store.serialization import replace_invalid_unicode, timestamp_to_text, to_json
from nnlab.store.tables import run as run_table
from nnlab.store.tables import study as study_table
from nnlab.store.tables import trial as trial_table


@dataclass(frozen=True, slots=True)
class ExternalRunSpec:
    """A run of another program that is to be created.

    `setting` is flat, with dotted names; `nested_setting` is the original if that had nested
    values. `objective` becomes that of the study if it has none.
    """

    study: str
    setting: Setting
    origin: Origin
    seed: int | None = None
    nested_setting: Mapping[str, Any] | None = None
    name: str | None = None
    tags: tuple[str, ...] = ()
    objective: Objective | None = None
    created_at: datetime | None = None


@remote_callable
def create_external_run(db: Database, spec: ExternalRunSpec) -> Run:
    """Creates a run of another program, and its study and trial if they do not exist.

    A run with a known seed replaces an earlier one of the same trial and seed as the current one;
    runs with unknown seeds are all current. The new run is queued until it is claimed.

    Raises:
        UsageError: the study is not open: its space or its arms define its trials.
    """
    with db.write() as connection:
        study_id = _get_or_create_study(connection, spec)
        trial_id = get_or_create_trial(connection, study_id, spec.setting, spec.nested_setting)
        repeat = _next_repeat(connection, trial_id, spec.seed)
        _mark_not_current(connection, trial_id, spec.seed)
        run_id = connection.execute(
            insert(run_table)
            .values(
                trial_id=trial_id,
                seed=spec.seed,
                repeat=repeat,
                current=True,
                status=str(Status.QUEUED),
                name=replace_invalid_unicode(spec.name) if spec.name else None,
                tags=to_json([replace_invalid_unicode(tag) for tag in spec.tags]),
                epochs=0,
                epochs_planned=0,
                created_at=timestamp_to_text(spec.created_at or datetime.now(UTC)),
                origin=str(spec.origin),
            )
            .returning(run_table.c.id)
        ).scalar_one()
        db.prepare_partitions(connection, run_id)
        return select_run(connection, run_id, Observer.local())


@remote_callable
def change_setting(
    db: Database,
    claim: Claim,
    setting: Setting,
    nested_setting: Mapping[str, Any] | None,
    seed: int | None = None,
) -> Run:
    """Moves a claimed run to the trial with another setting; returns the run.

    The earlier trial is deleted if it has no other run. `seed` becomes that of the run if it
    was claimed without one.

    Raises:
        LeaseLost: another worker has claimed the run.
    """
    with db.write() as connection:
        _check_claim(connection, claim)
        study_id = connection.execute(
            select(trial_table.c.study_id)
            .join(run_table, run_table.c.trial_id == trial_table.c.id)
            .where(run_table.c.id == claim.run.id)
        ).scalar_one()
        trial_id = get_or_create_trial(connection, study_id, setting, nested_setting)
        new_seed = seed if claim.run.seed is None else claim.run.seed
        move_run(connection, claim.run.id, trial_id, new_seed)
        return select_run(connection, claim.run.id, Observer.local())


@remote_callable
def put_results(db: Database, claim: Claim, results: Mapping[str, Scalar]) -> None:
    """Adds final values that the user's code has set to those of a claimed run.

    Raises:
        LeaseLost: another worker has claimed the run.
    """
    with db.write(exclusive=False) as connection:
        _check_claim(connection, claim)
        add_results(connection, claim.run.id, results)


def add_results(connection: Connection, run_id: int, results: Mapping[str, Scalar]) -> None:
    """Adds final values to those of a run; a NaN or an infinity is stored as its name."""
    stored = connection.execute(
        select(run_table.c.results).where(run_table.c.id == run_id)
    ).scalar_one()
    merged = {**json.loads(stored or "{}"), **{k: _plain_value(v) for k, v in results.items()}}
    connection.execute(
        update(run_table).where(run_table.c.id == run_id).values(results=to_json(merged))
    )


@remote_callable
def put_name_and_tags(
    db: Database, claim: Claim, *, name: str | None, tags: tuple[str, ...]
) -> None:
    """Replaces the name (unless None) and the tags of a claimed run.

    Raises:
        LeaseLost: another worker has claimed the run.
    """
    values: dict[str, object] = {"tags": to_json([replace_invalid_unicode(tag) for tag in tags])}
    if name is not None:
        values["name"] = replace_invalid_unicode(name)
    with db.write(exclusive=False) as connection:
        _check_claim(connection, claim)
        connection.execute(update(run_table).where(run_table.c.id == claim.run.id).values(**values))


def check_trained_by_nnlab(run: Run, purpose: str) -> None:
    """Refuses what only runs of nnlab's own training allow.

    Args:
        run: any run.
        purpose: what the command would do, such as `evaluate its model`.

    Raises:
        UsageError: another program trained the run.
    """
    if run.origin.is_external:
        raise UsageError(
            f"run {run.id} was trained by another program, so nnlab cannot {purpose}",
            hint=f"nnlab show {run.id} says where it comes from",
        )


def nested_settings(db: Database, trial_ids: list[int]) -> dict[int, Mapping[str, Any]]:
    """The nested settings of those of the trials that have one."""
    with db.read() as connection:
        rows = connection.execute(
            select(trial_table.c.id, trial_table.c.nested_setting).where(
                trial_table.c.id.in_(trial_ids), trial_table.c.nested_setting.is_not(None)
            )
        ).all()
    nested: dict[int, Mapping[str, Any]] = {}
    for trial_id, text in rows:
        with note_unreadable(db, "trial", trial_id):
            setting = json.loads(text)
            if not isinstance(setting, dict):
                raise TypeError("its nested setting is not a JSON object")
            nested[trial_id] = setting
    return nested


def get_or_create_trial(
    connection: Connection,
    study_id: int,
    setting: Setting,
    nested_setting: Mapping[str, Any] | None,
) -> int:
    """The id of the trial with that setting of another program in a study."""
    plain = {replace_invalid_unicode(name): _plain_value(value) for name, value in setting.items()}
    digest = digest_of(ExternalSetting(plain))
    trial_id: int | None = connection.execute(
        select(trial_table.c.id).where(
            trial_table.c.study_id == study_id, trial_table.c.digest == digest
        )
    ).scalar_one_or_none()
    if trial_id is not None:
        return trial_id
    created: int = connection.execute(
        insert(trial_table)
        .values(
            study_id=study_id,
            digest=digest,
            setting=to_json(plain),
            nested_setting=to_json(
                _plain_tree(plain if nested_setting is None else nested_setting)
            ),
        )
        .returning(trial_table.c.id)
    ).scalar_one()
    return created


def _get_or_create_study(connection: Connection, spec: ExternalRunSpec) -> int:
    name = replace_invalid_unicode(spec.study)
    row = connection.execute(
        select(
            study_table.c.id,
            study_table.c.objective,
            study_table.c.space,
            study_table.c.arms,
            study_table.c.script,
        ).where(study_table.c.name == name)
    ).one_or_none()
    objective = None if spec.objective is None else str(spec.objective)
    if row is None:
        study_id: int = connection.execute(
            insert(study_table)
            .values(
                name=name,
                question="",
                objective=objective,
                seeds="[]",
                created_at=timestamp_to_text(datetime.now(UTC)),
            )
            .returning(study_table.c.id)
        ).scalar_one()
        return study_id
    if row.script is None and (row.space is not None or row.arms is not None):
        raise UsageError(
            f"study '{name}' has a fixed space or arms, so runs of other programs cannot be added",
            hint="give these runs another study",
        )
    if objective is not None and row.objective is None:
        connection.execute(
            update(study_table).where(study_table.c.id == row.id).values(objective=objective)
        )
    connection.execute(
        update(study_table).where(study_table.c.id == row.id).values(removed_at=None)
    )
    return int(row.id)


def _next_repeat(connection: Connection, trial_id: int, seed: int | None) -> int:
    same_seed = run_table.c.seed.is_(None) if seed is None else run_table.c.seed == seed
    repeat: int = connection.execute(
        select(func.coalesce(func.max(run_table.c.repeat) + 1, 0)).where(
            run_table.c.trial_id == trial_id, same_seed
        )
    ).scalar_one()
    return repeat


def move_run(connection: Connection, run_id: int, trial_id: int, seed: int | None) -> None:
    """Makes a run one of another trial or seed, as the current one of its seed.

    The earlier trial is deleted if it has no other run. Nothing changes if it has that trial and
    seed already.
    """
    earlier, earlier_seed = connection.execute(
        select(run_table.c.trial_id, run_table.c.seed).where(run_table.c.id == run_id)
    ).one()
    if (earlier, earlier_seed) == (trial_id, seed):
        return
    repeat = _next_repeat(connection, trial_id, seed)
    _mark_not_current(connection, trial_id, seed)
    connection.execute(
        update(run_table)
        .where(run_table.c.id == run_id)
        .values(trial_id=trial_id, seed=seed, repeat=repeat, current=True)
    )
    has_run = select(run_table.c.id).where(run_table.c.trial_id == earlier).exists()
    connection.execute(trial_table.delete().where(trial_table.c.id == earlier, ~has_run))


def _mark_not_current(connection: Connection, trial_id: int, seed: int | None) -> None:
    if seed is not None:
        connection.execute(
            update(run_table)
            .where(run_table.c.trial_id == trial_id, run_table.c.seed == seed)
            .values(current=False)
        )


def _check_claim(connection: Connection, claim: Claim) -> None:
    holder = connection.execute(
        select(run_table.c.lease_attempt_id).where(run_table.c.id == claim.run.id)
    ).scalar_one_or_none()
    if holder != claim.attempt_id:
        raise lease_lost_error(claim)


def _plain_value(value: Any) -> Scalar:
    """A value that JSON can hold: numbers that are not finite become their names."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    if isinstance(value, str):
        return replace_invalid_unicode(value)
    return value if isinstance(value, int | float) or value is None else str(value)


def _plain_tree(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {replace_invalid_unicode(str(k)): _plain_tree(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_tree(item) for item in value]
    return _plain_value(value)
