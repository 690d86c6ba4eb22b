"""What `RUN|STUDY...` means for commands that change runs: all of them, not the newest alone."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.analysis.scope import resolve_study
from nnlab.errors import UnknownName, UsageError
from nnlab.records import Run, Study


@dataclass(frozen=True, slots=True)
class RunSelection:
    """Studies and runs that were named, and the runs of those studies; each run once.

    A run that was named together with its study is among both.
    """

    studies: tuple[Study, ...]
    runs_of_studies: tuple[Run, ...]
    single_runs: tuple[Run, ...]

    @property
    def runs(self) -> tuple[Run, ...]:
        """All runs that are meant."""
        each = {run.id: run for run in (*self.runs_of_studies, *self.single_runs)}
        return tuple(each.values())


def select_runs(db: store.Database, words: Sequence[str], *, removed: bool = False) -> RunSelection:
    """The studies and runs of these names and numbers.

    Args:
        db: the database.
        words: names of studies, numbers and names of runs; a study goes before a run.
        removed: whether removed studies and runs are meant, and what is removed of other studies.

    Raises:
        UnknownName: a word is none of them.
        UsageError: a run named by its number is removed, or is not; or a word means a run by its
            number and another run or a study by its name.
    """
    known = {study.name: study for study in store.all_studies(db)}
    if removed:
        known |= {study.name: study for study in store.all_studies(db, removed=True)}
    by_word = {word: resolve_study(db, word, known, removed=removed) for word in words}
    studies = {study.name: study for study in by_word.values() if study is not None}
    single = [
        run
        for word in words
        if by_word[word] is None
        for run in _find_runs(db, word, known, removed=removed)
    ]
    return RunSelection(
        tuple(studies.values()),
        tuple(
            run
            for study in studies.values()
            for run in store.runs(db, study=study.id, removed=removed)
        ),
        tuple({run.id: run for run in single}.values()),
    )


def _find_runs(
    db: store.Database, word: str, studies: Collection[str], *, removed: bool
) -> tuple[Run, ...]:
    try:
        return store.find_runs(db, [word], removed=removed)
    except UnknownName as error:
        if word.lstrip("#").isdigit():
            raise
        raise UnknownName("study or run", word, [*studies, *store.run_names(db)]) from error


def single_run(runs: Sequence[Run], name: str) -> Run:
    """The one run that a name means.

    Raises:
        UsageError: it means several.
    """
    if len(runs) != 1:
        told = ", ".join(str(run.id) for run in runs)
        raise UsageError(f"{name} means runs {told}", hint="name one by its number")
    return runs[0]
