"""The ledger of `nnlab gate`: candidates, their levels and the verdicts on them.

The false discovery rate is controlled over the candidates of a study, in the order of their
entries: the level of a candidate follows from the p values of the entries before it. An entry gets
its level in the exclusive transaction that inserts it, so that two processes that test candidates
at the same time get levels one after the other. A candidate that is still being tested counts for
later levels as one with p = 1, which lowers them as much as any p value could (Zrnic, Ramdas and
Jordan 2021, Asynchronous online testing of multiple hypotheses).

Only the process of the command uses the ledger, and it has opened the database itself. Workers need
only runs, so these functions are not remotely callable.
"""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, get_args

from sqlalchemy import Select, insert, select, update
from sqlalchemy.engine import Connection

from nnlab.records import GateVerdictName, LedgerEntry, Objective
from nnlab.store.constructs import in_ids
from nnlab.store.database import Database
from nnlab.store.row_validation import (
    INTEGER,
    NUMBER,
    TEXT,
    ColumnTypes,
    decode_row,
    decode_rows,
)
from nnlab.store.rows import timestamp
from nnlab.store.serialization import (
    replace_invalid_unicode,
    timestamp_from_text,
    timestamp_to_text,
    to_json,
)
from nnlab.store.tables import gate, study

# The p value that stands for a test that has not ended.
_PENDING_P = 1.0

_COLUMNS = (
    gate.c.id, gate.c.study_id, study.c.name, gate.c.baseline_trial_id, gate.c.candidate_trial_id,
    gate.c.objective, gate.c.min_effect, gate.c.max_seeds, gate.c.level, gate.c.p, gate.c.verdict,
    gate.c.effect, gate.c.low, gate.c.high, gate.c.seeds, gate.c.expected_left, gate.c.reason,
    gate.c.created_at, gate.c.ended_at,
)  # fmt: skip
_GATE_TYPES = ColumnTypes(
    [
        ("number", INTEGER, False), ("study", INTEGER, False), ("name of its study", TEXT, False),
        ("baseline", INTEGER, True), ("candidate", INTEGER, False), ("objective", TEXT, False),
        ("min_effect", NUMBER, False), ("max_seeds", INTEGER, False), ("level", NUMBER, True),
        ("p", NUMBER, True), ("verdict", TEXT, True), ("effect", NUMBER, True),
        ("low", NUMBER, True), ("high", NUMBER, True), ("seeds", TEXT, False),
        ("expected_left", NUMBER, True), ("reason", TEXT, True), ("created_at", TEXT, False),
        ("ended_at", TEXT, True),
    ]
)  # fmt: skip


def ledger(db: Database, study_ids: Iterable[int] | None = None) -> tuple[LedgerEntry, ...]:
    """The entries that were not removed, oldest first: of some studies, or of all."""
    query = _select_entries().where(gate.c.removed_at.is_(None))
    if study_ids is not None:
        query = query.where(in_ids(gate.c.study_id, study_ids))
    with db.read() as connection:
        rows = connection.execute(query.order_by(gate.c.id)).all()
    return tuple(decode_rows(db, "gate", rows, _entry_record))


def register_baseline(
    db: Database, study_id: int, trial_id: int, objective: Objective
) -> LedgerEntry:
    """The entry of a trial as the first baseline of later candidates; it is added if it is new.

    A baseline is not tested, and takes no level.
    """
    now = timestamp_to_text(datetime.now(UTC))
    with db.write() as connection:
        existing = connection.execute(
            _select_entries()
            .where(
                gate.c.study_id == study_id,
                gate.c.candidate_trial_id == trial_id,
                gate.c.objective == str(objective),
                gate.c.verdict == "baseline",
                gate.c.removed_at.is_(None),
            )
            .limit(1)
        ).one_or_none()
        if existing is not None:
            return decode_row("gate", existing, _entry_record)
        return _insert(
            connection,
            study_id=study_id,
            candidate_trial_id=trial_id,
            objective=str(objective),
            min_effect=0.0,
            max_seeds=1,
            verdict="baseline",
            ended_at=now,
            created_at=now,
        )


def register_candidate(
    db: Database,
    study_id: int,
    *,
    baseline_trial: int,
    candidate_trial: int,
    objective: Objective,
    min_effect: float,
    max_seeds: int,
    next_level: Callable[[Sequence[float]], float],
) -> LedgerEntry:
    """The entry of a test; a new one gets its level from the entries before it.

    An entry of the same test is returned as it is, with its level, also if another process has
    added it since.

    Args:
        db: the database.
        study_id: the study whose ledger it is.
        baseline_trial: the trial that the candidate is compared with.
        candidate_trial: the trial of the candidate.
        objective: the metric that is compared.
        min_effect: the least difference of a candidate that is kept.
        max_seeds: the number of pairs at which the test ends.
        next_level: the level after tests with these p values.
    """
    values = {
        "study_id": study_id,
        "baseline_trial_id": baseline_trial,
        "candidate_trial_id": candidate_trial,
        "objective": str(objective),
        "min_effect": min_effect,
        "max_seeds": max_seeds,
    }
    with db.write() as connection:
        existing = connection.execute(
            _select_entries()
            .where(
                *(gate.c[name] == value for name, value in values.items()),
                gate.c.removed_at.is_(None),
            )
            .order_by(gate.c.id.desc())
            .limit(1)
        ).one_or_none()
        if existing is not None:
            return decode_row("gate", existing, _entry_record)
        level = next_level(_p_values(connection, study_id))
        now = timestamp_to_text(datetime.now(UTC))
        return _insert(connection, **values, level=level, created_at=now)


def put_gate_result(
    db: Database,
    entry_id: int,
    *,
    verdict: GateVerdictName | None,
    p: float | None,
    effect: float | None,
    low: float,
    high: float,
    seeds: Sequence[int],
    expected_left: float | None,
    reason: str,
) -> LedgerEntry:
    """Stores the state of a test after a pair; with a verdict, the test has ended.

    Returns:
        The entry with the new state.
    """
    ended_at = timestamp_to_text(datetime.now(UTC)) if verdict is not None else None
    with db.write() as connection:
        connection.execute(
            update(gate)
            .where(gate.c.id == entry_id)
            .values(
                verdict=verdict,
                p=_finite_or_none(p),
                effect=_finite_or_none(effect),
                low=_finite_or_none(low),
                high=_finite_or_none(high),
                seeds=to_json(list(seeds)),
                expected_left=_finite_or_none(expected_left),
                reason=replace_invalid_unicode(reason),
                ended_at=ended_at,
            )
        )
        return _entry_by_id(connection, entry_id)


def _select_entries() -> Select[Any]:
    return select(*_COLUMNS).join(study, study.c.id == gate.c.study_id)


def _insert(connection: Connection, **values: object) -> LedgerEntry:
    result = connection.execute(insert(gate).values(seeds="[]", **values))
    (entry_id,) = result.inserted_primary_key or (None,)
    return _entry_by_id(connection, entry_id)


def _entry_by_id(connection: Connection, entry_id: Any) -> LedgerEntry:
    row = connection.execute(_select_entries().where(gate.c.id == entry_id)).one()
    return decode_row("gate", row, _entry_record)


def _p_values(connection: Connection, study_id: int) -> list[float]:
    """The p values of the tests of a study in their order."""
    rows = connection.execute(
        select(gate.c.p, gate.c.verdict)
        .where(
            gate.c.study_id == study_id,
            gate.c.baseline_trial_id.is_not(None),
            gate.c.removed_at.is_(None),
        )
        .order_by(gate.c.id)
    )
    return [_ended_p(p, verdict) for p, verdict in rows]


def _ended_p(p: object, verdict: object) -> float:
    """The p value of a test that has ended, else `_PENDING_P`; also where it cannot be read."""
    is_valid = verdict is not None and isinstance(p, float | int) and 0 <= p <= 1
    return float(p) if is_valid and isinstance(p, float | int) else _PENDING_P


def _finite_or_none(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _entry_record(row: Sequence[Any]) -> LedgerEntry:
    """The entry of a row of `_COLUMNS`.

    Raises:
        ValueError, TypeError: a value is not of its type.
    """
    _GATE_TYPES.check(tuple(row))
    (
        entry_id,
        study_id,
        study_name,
        baseline,
        candidate,
        objective,
        min_effect,
        max_seeds,
        level,
        p,
        verdict,
        effect,
        low,
        high,
        seeds,
        expected_left,
        reason,
        created_at,
        ended_at,
    ) = row
    if verdict is not None and verdict not in get_args(GateVerdictName):
        raise ValueError(f"its verdict is {verdict}")
    if baseline is not None and level is None:
        raise ValueError("its level is NULL")
    for name, number in (("level", level), ("p", p)):
        if number is not None and not 0 <= number <= 1:
            raise ValueError(f"its {name} is {number}")
    parsed_seeds = json.loads(seeds)
    if not isinstance(parsed_seeds, list) or not all(type(seed) is int for seed in parsed_seeds):
        raise TypeError("its seeds are not a list of integers")
    if not 1 <= max_seeds <= 2**31:
        raise ValueError(f"its max_seeds is {max_seeds}")
    return LedgerEntry(
        id=entry_id,
        study_id=study_id,
        study=study_name,
        baseline_trial=baseline,
        candidate_trial=candidate,
        objective=Objective.parse(objective),
        min_effect=float(min_effect),
        max_seeds=max_seeds,
        level=level,
        p=p,
        verdict=verdict,
        effect=effect,
        low=-math.inf if low is None else low,
        high=math.inf if high is None else high,
        seeds=tuple(parsed_seeds),
        expected_left=expected_left,
        reason=reason or "",
        created_at=timestamp(created_at),
        ended_at=timestamp_from_text(ended_at),
    )
