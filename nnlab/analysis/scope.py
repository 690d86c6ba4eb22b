"""What `[STUDY|RUN]...` on a command line means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.errors import UnknownName, UsageError
from nnlab.records import Objective, Study


@dataclass(frozen=True, slots=True)
class Scope:
    """What is looked at: studies, or runs, or (both None) the whole database."""

    title: str
    studies: tuple[int, ...] | None = None
    runs: tuple[int, ...] | None = None
    objective: Objective | None = None


def resolve_scope(db: store.Database, words: Sequence[str] | None) -> Scope:
    """Studies, runs by number or name, or (no words) the whole database.

    Raises:
        UnknownName: a word is neither.
        UsageError: a word is the name of a study and the number of a run.
    """
    if not words:
        studies = store.all_studies(db)
        objective = studies[0].objective if len(studies) == 1 else None
        return Scope(title=db.address.shown, objective=objective)
    known = {study.name: study for study in store.all_studies(db)}
    named = [resolve_study(db, word, known) for word in words]
    chosen = [study for study in named if study is not None]
    if len(chosen) == len(words):
        objectives = {study.objective for study in chosen}
        return Scope(
            title=", ".join(study.name for study in chosen),
            studies=tuple(study.id for study in chosen),
            objective=objectives.pop() if len(objectives) == 1 else None,
        )
    runs: list[int] = []
    for word in words:
        runs += _resolve_runs(db, word, known)
    return Scope(title=", ".join(words), runs=tuple(dict.fromkeys(runs)))


def names_runs(db: store.Database, words: Sequence[str]) -> bool:
    """Whether the words name runs, by number or name, and no study."""
    studies = {study.name for study in store.all_studies(db)}
    return bool(words) and not studies.intersection(words)


# Before the name of a study that could also be the number of a run.
_STUDY_PREFIX = "study:"


def resolve_study(
    db: store.Database, word: str, known: Mapping[str, Study], *, removed: bool = False
) -> Study | None:
    """The study that a word names, as NAME or `study:NAME`; None where it names none.

    Args:
        db: the database.
        word: what was typed.
        known: studies by name.
        removed: whether removed runs are meant, and no others.

    Raises:
        UsageError: it is also the number of a run.
    """
    if word not in known:
        return known.get(word.removeprefix(_STUDY_PREFIX))
    number = store.run_id_by_number(db, word, removed=removed)
    if number is None:
        return known[word]
    other_way = str(number) if word.startswith("#") else f"#{number}"
    raise UsageError(
        f"'{word}' is ambiguous: it is the name of a study and the number of run {number}",
        hint=f"'{_STUDY_PREFIX}{word}' is the study, '{other_way}' the run",
    )


def _resolve_runs(db: store.Database, word: str, known: dict[str, Study]) -> list[int]:
    study = resolve_study(db, word, known)
    if study is not None:
        return [run.id for run in store.runs(db, study=study.id, current_only=True)]
    try:
        return [run.id for run in store.find_runs(db, [word])]
    except UnknownName as error:
        if word.lstrip("#").isdigit():
            raise
        names = [*known, *store.run_names(db)]
        raise UnknownName("study or run", word, names) from error
