"""The studies or runs that the arguments `[STUDY|RUN]...` of a command name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.errors import UnknownName, UsageError
from nnlab.records import Objective, Run, Study


@dataclass(frozen=True, slots=True)
class Scope:
    """The runs that a command reads: of `studies`, or `runs`, or (both None) of the database."""

    title: str
    studies: tuple[int, ...] | None = None
    runs: tuple[int, ...] | None = None
    objective: Objective | None = None


def resolve_scope(db: store.Database, words: Sequence[str] | None) -> Scope:
    """The scope of study names and of run numbers or names; without words the whole database.

    Raises:
        UnknownName: a word names neither a study nor a run.
        UsageError: a word is both the name of a study and the number of a run.
    """
    if not words:
        studies = store.all_studies(db)
        objective = studies[0].objective if len(studies) == 1 else None
        return Scope(title=db.address.display_name, objective=objective)
    studies_by_name = {study.name: study for study in store.all_studies(db)}
    resolved = [resolve_study(db, word, studies_by_name) for word in words]
    named_studies = [study for study in resolved if study is not None]
    if len(named_studies) == len(words):
        objectives = {study.objective for study in named_studies}
        return Scope(
            title=", ".join(study.name for study in named_studies),
            studies=tuple(study.id for study in named_studies),
            objective=objectives.pop() if len(objectives) == 1 else None,
        )
    runs: list[int] = []
    for word in words:
        runs += _resolve_runs(db, word, studies_by_name)
    return Scope(title=", ".join(words), runs=tuple(dict.fromkeys(runs)))


def names_runs(db: store.Database, words: Sequence[str]) -> bool:
    """Whether the words name only runs, by number or name, and no study."""
    studies = {study.name for study in store.all_studies(db)}
    return bool(words) and not studies.intersection(words)


# The prefix of a study name that could also be the number of a run.
_STUDY_PREFIX = "study:"


def resolve_study(
    db: store.Database, word: str, studies: Mapping[str, Study], *, removed: bool = False
) -> Study | None:
    """The study that a word names, as NAME or `study:NAME`; None where it names none.

    Args:
        db: the database.
        word: the argument as typed.
        studies: all studies by name.
        removed: whether the word can only name removed runs.

    Raises:
        UsageError: it is also the number of a run.
    """
    if word not in studies:
        return studies.get(word.removeprefix(_STUDY_PREFIX))
    number = store.run_id_by_number(db, word, removed=removed)
    if number is None:
        return studies[word]
    other_way = str(number) if word.startswith("#") else f"#{number}"
    raise UsageError(
        f"'{word}' is ambiguous: it is the name of a study and the number of run {number}",
        hint=f"'{_STUDY_PREFIX}{word}' is the study, '{other_way}' the run",
    )


def _resolve_runs(db: store.Database, word: str, studies: dict[str, Study]) -> list[int]:
    study = resolve_study(db, word, studies)
    if study is not None:
        return [run.id for run in store.runs(db, study=study.id, current_only=True)]
    try:
        return [run.id for run in store.find_runs(db, [word])]
    except UnknownName as error:
        if word.lstrip("#").isdigit():
            raise
        names = [*studies, *store.run_names(db)]
        raise UnknownName("study or run", word, names) from error


def scope_of_runs(db: store.Database, runs: Sequence[Run]) -> Scope:
    """The scope of exactly these runs, with the objective of their studies if it is one."""
    studies = {study.name: study for study in store.all_studies(db)}
    objectives = {studies[run.trial.study].objective for run in runs}
    objective = objectives.pop() if len(objectives) == 1 else None
    return Scope("these runs", runs=tuple(run.id for run in runs), objective=objective)


def current_runs(db: store.Database, scope: Scope) -> tuple[Run, ...]:
    """The current runs of a scope, ordered by number."""
    if scope.runs is not None:
        return tuple(run for run in store.runs(db, run_ids=scope.runs) if run.current)
    if scope.studies is None:
        return store.runs(db, current_only=True)
    return tuple(
        run for study in scope.studies for run in store.runs(db, study=study, current_only=True)
    )
