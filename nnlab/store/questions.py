"""Studies: made once, found again, never changed into another question."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy.engine import Connection

from nnlab.errors import StudyExists, UnknownName
from nnlab.records import Objective, Scalar, Study
from nnlab.store.connect import Database
from nnlab.store.rows import STUDY, space_to_json, study_record
from nnlab.store.text import moment_to_text, storable, to_json

Space = Mapping[str, tuple[Scalar, ...]]


def create_study(
    db: Database,
    *,
    name: str,
    question: str,
    objective: Objective | None,
    space: Space | None,
    seeds: Sequence[int],
) -> Study:
    """Makes a study, or finds the one of that name if it asks the same.

    Args:
        db: the database.
        name: what it is called.
        question: what it is to answer; empty leaves that of an existing study.
        objective: what its trials are judged by, or None.
        space: the values of each field, or None for a study that takes any run.
        seeds: the seeds of each trial.

    Raises:
        StudyExists: one of that name has another space, objective or seeds.
    """
    wanted = (objective, space, tuple(seeds))
    with db.write() as connection:
        found = _find(connection, name)
        if found is None:
            connection.exec_driver_sql(
                "INSERT INTO study (name, question, objective, space, seeds, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    name,
                    storable(question),
                    str(objective) if objective else None,
                    space_to_json(space),
                    to_json(list(seeds)),
                    moment_to_text(datetime.now(UTC)),
                ),
            )
        else:
            differences = _differences((found.objective, found.space, found.seeds), wanted)
            if differences:
                lines = "".join(f"\n  - {line}" for line in differences)
                raise StudyExists(
                    f"study '{name}' exists and asks another question:{lines}",
                    hint="give the new one another name",
                )
            if question and question != found.question:
                connection.exec_driver_sql(
                    "UPDATE study SET question = ? WHERE id = ?", (storable(question), found.id)
                )
        made = _find(connection, name)
    assert made is not None
    return made


def find_study(db: Database, name: str) -> Study:
    """The study of that name.

    Raises:
        UnknownName: there is none; the message lists those that there are.
    """
    with db.read() as connection:
        found = _find(connection, name)
        if found is None:
            known = connection.exec_driver_sql("SELECT name FROM study").fetchall()
            raise UnknownName("study", name, [row[0] for row in known])
    return found


def _find(connection: Connection, name: str) -> Study | None:
    row = connection.exec_driver_sql(
        f"SELECT {STUDY} FROM study WHERE name = ?",  # noqa: S608
        (name,),
    ).one_or_none()
    return study_record(row) if row is not None else None


_Question = tuple[Objective | None, Space | None, tuple[int, ...]]


def _differences(old: _Question, new: _Question) -> list[str]:
    lines = []
    if old[0] != new[0]:
        lines.append(f"objective: {old[0] or 'none'} -> {new[0] or 'none'}")
    lines += _space_differences(old[1], new[1])
    if set(old[2]) != set(new[2]):
        lines.append(f"seeds: {_listed(old[2])} -> {_listed(new[2])}")
    return lines


def _space_differences(old: Space | None, new: Space | None) -> list[str]:
    if old is None or new is None:
        if old is None and new is None:
            return []
        return [
            f"space: {'any' if old is None else 'fixed'} -> {'any' if new is None else 'fixed'}"
        ]
    return [
        f"{field}: {_listed(old.get(field))} -> {_listed(new.get(field))}"
        for field in sorted({*old, *new})
        if _as_set(old.get(field)) != _as_set(new.get(field))
    ]


def _as_set(values: Sequence[Scalar] | None) -> set[str] | None:
    # As JSON: 1, 1.0 and true are equal in Python and different settings here.
    return None if values is None else {json.dumps(value) for value in values}


def _listed(values: Sequence[Scalar] | None) -> str:
    if values is None:
        return "(the default)"
    return ", ".join("none" if value is None else str(value) for value in values) or "any"
