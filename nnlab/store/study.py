"""Studies: made once, found again, extended, never changed into another question."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.engine import Connection

from nnlab.errors import StudyExists, UnknownName, UsageError
from nnlab.io.command_line import quote_command
from nnlab.records import Arm, Comparison, Objective, Sampler, Scalar, Study
from nnlab.store.database import Database
from nnlab.store.row_validation import decode_row
from nnlab.store.rows import (
    STUDY_COLUMNS,
    dataclasses_to_json,
    sampler_to_json,
    space_to_json,
    study_record,
)
from nnlab.store.serialization import replace_invalid_unicode, timestamp_to_text, to_json

Space = Mapping[str, tuple[Scalar, ...]]


def create_study(
    db: Database,
    *,
    name: str,
    question: str,
    objective: Objective | None,
    space: Space | None,
    seeds: Sequence[int],
    claim: str = "",
    arms: Sequence[Arm] = (),
    decides: Sequence[Comparison] = (),
    sampler: Sampler | None = None,
) -> Study:
    """Makes a study, or finds the one of that name if it asks the same.

    A request for some of the seeds of a study asks the same question. An open study takes any
    run, whatever that selects by: no objective is then given here.

    Args:
        db: the database.
        name: what it is called.
        question: what it is to answer; empty leaves that of an existing study.
        objective: what its trials are judged by, or None.
        space: the values of each field, or None for a study that takes any run.
        seeds: the seeds of each trial.
        claim: what the comparisons are to decide.
        arms: the sides that are compared.
        decides: the comparisons.
        sampler: how its trials are chosen, or None for the whole grid.

    Raises:
        StudyExists: one of that name has another space, objective, seeds, arms, comparisons or
            sampler.
    """
    wanted = _StudyDefinition(
        objective, space, tuple(seeds), claim, tuple(arms), tuple(decides), sampler
    )
    with db.write() as connection:
        found = _select_study(connection, name)
        differences = _differences(found, wanted) if found else []
        if found is not None and found.removed_at is not None and differences:
            _rename_removed_study(connection, found)
            found = None
        if found is None:
            _insert_study(connection, name, question, wanted)
        elif differences:
            raise _study_exists_error(found, differences)
        else:
            # Removed before and wanted again: it is back, its removed runs are not.
            connection.exec_driver_sql(
                "UPDATE study SET question = ?, removed_at = NULL WHERE id = ?",
                (replace_invalid_unicode(question) or found.question, found.id),
            )
        made = _select_study(connection, name)
    assert made is not None
    return made


def extend_study(
    db: Database,
    name: str,
    *,
    space: Space | None = None,
    seeds: Sequence[int] = (),
    sampler: Sampler | None = None,
) -> Study:
    """Returns the study after values and seeds were added to it.

    Args:
        db: the database.
        name: the study's name.
        space: values to add, by field; the values that the study has stay.
        seeds: seeds to add.
        sampler: replaces the study's sampler; None leaves it.

    Raises:
        UnknownName: there is no such study.
        UsageError: it was removed.
    """
    with db.write() as connection:
        study = _find_visible_study(connection, name)
        # Read under the write lock: another process may have extended the study meanwhile.
        connection.exec_driver_sql(
            "UPDATE study SET space = ?, seeds = ?, sampler = ? WHERE id = ?",
            (
                space_to_json(_merge_spaces(study.space, space)),
                to_json(list(dict.fromkeys((*study.seeds, *seeds)))),
                sampler_to_json(sampler or study.sampler),
                study.id,
            ),
        )
        extended = _select_study(connection, name)
    assert extended is not None
    return extended


def _merge_spaces(space: Space | None, added: Space | None) -> Space | None:
    """Both spaces' values of each field; an open study stays open."""
    if space is None:
        return None
    merged = dict(space)
    for field, values in (added or {}).items():
        present = _json_set(merged.get(field)) or set()
        new = tuple(value for value in values if json.dumps(value) not in present)
        merged[field] = (*merged.get(field, ()), *new)
    return merged


def _study_exists_error(study: Study, differences: Sequence[str]) -> StudyExists:
    """The error for a request that is not what the study of that name asks."""
    if study.is_open:
        return StudyExists(
            f"study '{study.name}' is open: `nnlab train` created it, and any run can be added to"
            " it, so it has no fixed space and no claim",
            hint=f"{quote_command('nnlab', 'train', '--study', study.name)} OPTIONS adds runs;"
            " a study with a question needs another name",
        )
    return StudyExists(
        f"study '{study.name}' exists and asks another question:"
        + "".join(f"\n  - {line}" for line in differences),
        hint="give the new one another name",
    )


def _insert_study(
    connection: Connection, name: str, question: str, asked: "_StudyDefinition"
) -> None:
    connection.exec_driver_sql(
        "INSERT INTO study (name, question, objective, space, seeds, created_at, claim,"
        " arms, decides, sampler) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            name,
            replace_invalid_unicode(question),
            str(asked.objective) if asked.objective else None,
            space_to_json(asked.space),
            to_json(list(asked.seeds)),
            timestamp_to_text(datetime.now(UTC)),
            replace_invalid_unicode(asked.claim) or None,
            dataclasses_to_json(asked.arms),
            dataclasses_to_json(asked.decides),
            sampler_to_json(asked.sampler),
        ),
    )


def _rename_removed_study(connection: Connection, removed: Study) -> None:
    """Gives a removed study another name: a study that asks something else takes its own."""
    connection.exec_driver_sql(
        "UPDATE study SET name = ? WHERE id = ?",
        (f"{removed.name} (removed, {removed.id})", removed.id),
    )


def find_study(db: Database, name: str) -> Study:
    """The study of that name.

    Raises:
        UnknownName: there is none; the message lists those that there are.
        UsageError: it was removed.
    """
    with db.read() as connection:
        return _find_visible_study(connection, name)


def _find_visible_study(connection: Connection, name: str) -> Study:
    """The study of that name, unless there is none or it was removed."""
    study = _select_study(connection, name)
    if study is None:
        known = connection.exec_driver_sql(
            "SELECT name FROM study WHERE removed_at IS NULL"
        ).fetchall()
        raise UnknownName("study", name, [row[0] for row in known])
    if study.removed_at is not None:
        raise UsageError(
            f"study '{name}' was removed",
            hint=f"{quote_command('nnlab', 'rm', '--undo', name)} brings it back",
        )
    return study


def _select_study(connection: Connection, name: str) -> Study | None:
    row = connection.exec_driver_sql(
        f"SELECT {STUDY_COLUMNS} FROM study WHERE name = ?",  # noqa: S608
        (name,),
    ).one_or_none()
    return decode_row("study", row, study_record) if row is not None else None


@dataclass(frozen=True, slots=True)
class _StudyDefinition:
    """All that makes a study the study that it is."""

    objective: Objective | None
    space: Space | None
    seeds: tuple[int, ...]
    claim: str
    arms: tuple[Arm, ...]
    decides: tuple[Comparison, ...]
    sampler: Sampler | None

    @property
    def is_open(self) -> bool:
        """True where any run may be added: see `Study.is_open`."""
        return self.space is None and not self.arms


def _definition_of(study: Study) -> _StudyDefinition:
    return _StudyDefinition(
        study.objective,
        study.space,
        study.seeds,
        study.claim,
        study.arms,
        study.decides,
        study.sampler,
    )


def _differences(study: Study, new: _StudyDefinition) -> list[str]:
    if study.is_open and new.is_open and new.objective is None:
        return []
    old = _definition_of(study)
    lines = []
    if old.objective != new.objective:
        lines.append(f"objective: {old.objective or 'none'} -> {new.objective or 'none'}")
    lines += _space_differences(old.space, new.space)
    if not set(new.seeds) <= set(old.seeds):
        lines.append(f"seeds: {_format_values(old.seeds)} -> {_format_values(new.seeds)}")
    if old.claim != new.claim:
        lines.append(f"claim: {old.claim or 'none'} -> {new.claim or 'none'}")
    if old.sampler != new.sampler:
        lines.append(f"sampler: {old.sampler or 'grid'} -> {new.sampler or 'grid'}")
    return lines + _arm_differences(old.arms, new.arms) + _comparison_differences(old, new)


def _arm_differences(old: Sequence[Arm], new: Sequence[Arm]) -> list[str]:
    before, after = ({arm.name: set(arm.trials) for arm in arms} for arms in (old, new))
    return [
        f"arm {name}: {_format_trials(before.get(name))} -> {_format_trials(after.get(name))}"
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]


def _format_trials(digests: set[str] | None) -> str:
    return "none" if digests is None else f"{len(digests)} trials ({min(digests)}, ...)"


def _comparison_differences(old: _StudyDefinition, new: _StudyDefinition) -> list[str]:
    if old.decides == new.decides:
        return []
    said = [", ".join(one.says for one in each.decides) or "nothing" for each in (old, new)]
    return [f"decided by: {said[0]} -> {said[1]}"]


def _space_differences(old: Space | None, new: Space | None) -> list[str]:
    if old is None or new is None:
        if old is None and new is None:
            return []
        return [
            f"space: {'any' if old is None else 'fixed'} -> {'any' if new is None else 'fixed'}"
        ]
    return [
        f"{field}: {_format_values(old.get(field))} -> {_format_values(new.get(field))}"
        for field in sorted({*old, *new})
        if _json_set(old.get(field)) != _json_set(new.get(field))
    ]


def _json_set(values: Sequence[Scalar] | None) -> set[str] | None:
    # As JSON: 1, 1.0 and true are equal in Python and different settings here.
    return None if values is None else {json.dumps(value) for value in values}


def _format_values(values: Sequence[Scalar] | None) -> str:
    if values is None:
        return "(the default)"
    return ", ".join("none" if value is None else str(value) for value in values) or "any"
