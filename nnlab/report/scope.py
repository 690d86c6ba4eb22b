"""What `[STUDY|RUN]...` on a command line means."""

from collections.abc import Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.errors import UnknownName
from nnlab.records import Objective, Study


@dataclass(frozen=True, slots=True)
class Scope:
    """What is looked at: studies, or runs, or (both None) the whole database."""

    title: str
    studies: tuple[int, ...] | None = None
    runs: tuple[int, ...] | None = None
    objective: Objective | None = None


def scope_of(db: store.Database, words: Sequence[str] | None) -> Scope:
    """Studies, runs by number or name, or (no words) the whole database.

    Raises:
        UnknownName: a word is neither.
    """
    if not words:
        studies = store.all_studies(db)
        objective = studies[0].objective if len(studies) == 1 else None
        return Scope(title=db.address.shown, objective=objective)
    known = {study.name: study for study in store.all_studies(db)}
    if all(word in known for word in words):
        chosen = [known[word] for word in words]
        objectives = {study.objective for study in chosen}
        return Scope(
            title=", ".join(words),
            studies=tuple(study.id for study in chosen),
            objective=objectives.pop() if len(objectives) == 1 else None,
        )
    runs: list[int] = []
    for word in words:
        runs += _runs_of(db, word, known)
    return Scope(title=", ".join(words), runs=tuple(dict.fromkeys(runs)))


def names_runs(db: store.Database, words: Sequence[str]) -> bool:
    """Whether the words name runs, by number or name, and no study."""
    studies = {study.name for study in store.all_studies(db)}
    return bool(words) and not studies.intersection(words)


def _runs_of(db: store.Database, word: str, known: dict[str, Study]) -> list[int]:
    if word in known:
        return [run.id for run in store.runs(db, study=known[word].id, current_only=True)]
    try:
        return [run.id for run in store.find_runs(db, [word])]
    except UnknownName as error:
        if word.lstrip("#").isdigit():
            raise
        names = [*known, *store.run_names(db)]
        raise UnknownName("study or run", word, names) from error
