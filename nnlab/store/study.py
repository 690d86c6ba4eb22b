"""Creates, finds and extends studies; the question of a study never changes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection

from nnlab.errors import StudyExists, UnknownName, UsageError
from nnlab.io.command_line import quote_command
from nnlab.records import (
    Arm,
    Comparison,
    Objective,
    Pilot,
    PublishedResult,
    Sampler,
    Scalar,
    Study,
)
from nnlab.store.claim_json import ClaimEvidence, claim_to_json
from nnlab.store.database import Database
from nnlab.store.row_validation import decode_row
from nnlab.store.rows import (
    STUDY_COLUMNS,
    arms_to_json,
    sampler_to_json,
    space_to_json,
    study_record,
)
from nnlab.store.serialization import replace_invalid_unicode, timestamp_to_text, to_json
from nnlab.store.tables import study as study_table

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
    comparisons: Sequence[Comparison] = (),
    sampler: Sampler | None = None,
    script: Mapping[str, object] | None = None,
    pilot: Pilot | None = None,
    published: Sequence[PublishedResult] = (),
) -> Study:
    """Creates a study, or returns the one with that name if it has the same definition.

    A request for some of a study's seeds matches its definition. An open study accepts runs with
    any objective, so no objective is passed for it.

    Args:
        db: the database.
        name: the study's name.
        question: the question that it answers; empty keeps that of an existing study.
        objective: the objective of its trials, or None.
        space: the values of each field, or None for a study that accepts any run.
        seeds: the seeds of each trial.
        claim: the claim that the comparisons decide.
        arms: the arms that are compared.
        comparisons: the comparisons.
        sampler: how its trials are chosen, or None for the whole grid.
        script: the record of the script that its runs execute; its `name` identifies the script.
        pilot: the seeds on which the study was designed.
        published: the published results about the claim.

    What the comparisons expect, the pilot and the published results are not part of the definition:
    those of an existing study are replaced.

    Raises:
        StudyExists: a study of that name has another space, objective, seeds, arms, comparisons
            or sampler.
    """
    evidence = ClaimEvidence(tuple(comparisons), pilot, tuple(published))
    definition = _StudyDefinition(
        objective, space, tuple(seeds), claim, tuple(arms), evidence, sampler, script
    )
    with db.write() as connection:
        existing = _select_study(connection, name)
        differences = _differences(existing, definition) if existing else []
        if existing is not None and existing.removed_at is not None and differences:
            _rename_removed_study(connection, existing)
            existing = None
        if existing is None:
            _insert_study(connection, name, question, definition)
        elif differences:
            raise _study_exists_error(existing, differences)
        else:
            # A removed study of the same definition is restored, without its removed runs.
            connection.execute(
                update(study_table)
                .where(study_table.c.id == existing.id)
                .values(
                    question=replace_invalid_unicode(question) or existing.question,
                    removed_at=None,
                    script=_script_to_json(script),
                    decides=claim_to_json(evidence),
                )
            )
        return _find_visible_study(connection, name)


def extend_study(
    db: Database,
    name: str,
    *,
    space: Space | None = None,
    seeds: Sequence[int] = (),
    sampler: Sampler | None = None,
    arms: Sequence[Arm] = (),
) -> Study:
    """Adds values, seeds and arms to a study; returns the study with them.

    Args:
        db: the database.
        name: the study's name.
        space: values to add, by field; the study's own values are kept.
        seeds: seeds to add.
        sampler: replaces the study's sampler; None keeps it.
        arms: arms to add; those of a name that the study has are not changed.

    Raises:
        UnknownName: there is no such study.
        UsageError: it was removed.
    """
    with db.write() as connection:
        study = _find_visible_study(connection, name)
        # Read under the write lock: another process may have extended the study meanwhile.
        connection.execute(
            update(study_table)
            .where(study_table.c.id == study.id)
            .values(
                space=space_to_json(_merge_spaces(study.space, space)),
                seeds=to_json(list(dict.fromkeys((*study.seeds, *seeds)))),
                sampler=sampler_to_json(sampler or study.sampler),
                arms=arms_to_json(_merge_arms(study.arms, arms)),
            )
        )
        return _find_visible_study(connection, name)


def _merge_arms(arms: Sequence[Arm], added: Sequence[Arm]) -> tuple[Arm, ...]:
    names = {arm.name for arm in arms}
    return (*arms, *(arm for arm in added if arm.name not in names))


def _merge_spaces(space: Space | None, added: Space | None) -> Space | None:
    """The values of both spaces for each field; None if the study is open."""
    if space is None:
        return None
    merged = dict(space)
    for field, values in (added or {}).items():
        present = _json_set(merged.get(field)) or set()
        new = tuple(value for value in values if json.dumps(value) not in present)
        merged[field] = (*merged.get(field, ()), *new)
    return merged


def _study_exists_error(study: Study, differences: Sequence[str]) -> StudyExists:
    """The error for a request that differs from the definition of the study of that name."""
    if study.is_open and study.script is not None:
        return StudyExists(
            f"study '{study.name}' is one of the script {study.script['name']}",
            hint="give other runs another study; nnlab run executes the script with other flags",
        )
    if study.is_open:
        return StudyExists(
            f"study '{study.name}' is open: `nnlab train` created it, and any run can be added to"
            " it, so it has no fixed space and no claim",
            hint=f"{quote_command('nnlab', 'train', '--study', study.name)} OPTIONS adds runs;"
            " a study with a question needs another name",
        )
    return StudyExists(
        f"study '{study.name}' exists and has another definition:"
        + "".join(f"\n  - {line}" for line in differences),
        hint="give the new one another name",
    )


def _insert_study(
    connection: Connection, name: str, question: str, definition: "_StudyDefinition"
) -> None:
    connection.execute(
        insert(study_table).values(
            name=name,
            question=replace_invalid_unicode(question),
            objective=str(definition.objective) if definition.objective else None,
            space=space_to_json(definition.space),
            seeds=to_json(list(definition.seeds)),
            created_at=timestamp_to_text(datetime.now(UTC)),
            claim=replace_invalid_unicode(definition.claim) or None,
            arms=arms_to_json(definition.arms),
            decides=claim_to_json(definition.evidence),
            sampler=sampler_to_json(definition.sampler),
            script=_script_to_json(definition.script),
        )
    )


def _script_to_json(script: Mapping[str, object] | None) -> str | None:
    return None if script is None else to_json(script)


def _rename_removed_study(connection: Connection, removed: Study) -> None:
    """Renames a removed study, so that a new study with another definition can have its name."""
    connection.execute(
        update(study_table)
        .where(study_table.c.id == removed.id)
        .values(name=f"{removed.name} (removed, {removed.id})")
    )


def find_study(db: Database, name: str) -> Study:
    """The study with that name.

    Raises:
        UnknownName: there is none; the message lists the existing ones.
        UsageError: it was removed.
    """
    with db.read() as connection:
        return _find_visible_study(connection, name)


def _find_visible_study(connection: Connection, name: str) -> Study:
    """The same as `find_study`, inside a transaction."""
    study = _select_study(connection, name)
    if study is None:
        names = connection.execute(
            select(study_table.c.name).where(study_table.c.removed_at.is_(None))
        ).scalars()
        raise UnknownName("study", name, list(names))
    if study.removed_at is not None:
        raise UsageError(
            f"study '{name}' was removed",
            hint=f"{quote_command('nnlab', 'rm', '--undo', name)} brings it back",
        )
    return study


def _select_study(connection: Connection, name: str) -> Study | None:
    row = connection.execute(select(*STUDY_COLUMNS).where(study_table.c.name == name)).one_or_none()
    return decode_row("study", row, study_record) if row is not None else None


@dataclass(frozen=True, slots=True)
class _StudyDefinition:
    """Everything that must not change about a study."""

    objective: Objective | None
    space: Space | None
    seeds: tuple[int, ...]
    claim: str
    arms: tuple[Arm, ...]
    evidence: ClaimEvidence
    sampler: Sampler | None
    script: Mapping[str, object] | None

    @property
    def is_open(self) -> bool:
        """True if any run may be added: see `Study.is_open`."""
        return self.space is None and not self.arms


def _definition_of(study: Study) -> _StudyDefinition:
    return _StudyDefinition(
        study.objective,
        study.space,
        study.seeds,
        study.claim,
        study.arms,
        _evidence_of(study),
        study.sampler,
        study.script,
    )


def _evidence_of(study: Study) -> ClaimEvidence:
    return ClaimEvidence(study.comparisons, study.pilot, study.published)


def _differences(study: Study, new: _StudyDefinition) -> list[str]:
    # The rest of the record of a script may change: its version, its flags.
    scripts = [None if script is None else script["name"] for script in (study.script, new.script)]
    if scripts[0] != scripts[1]:
        return [f"script: {scripts[0] or 'none'} -> {scripts[1] or 'none'}"]
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
    return f"{len(digests)} trials ({min(digests)}, ...)" if digests else "none"


def _comparison_differences(old: _StudyDefinition, new: _StudyDefinition) -> list[str]:
    tests = [
        [comparison.without_expectation for comparison in definition.evidence.comparisons]
        for definition in (old, new)
    ]
    if tests[0] == tests[1]:
        return []
    before, after = (
        ", ".join(comparison.says for comparison in definition.evidence.comparisons) or "nothing"
        for definition in (old, new)
    )
    return [f"decided by: {before} -> {after}"]


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
