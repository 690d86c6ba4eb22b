"""The runs that `RUN|STUDY...` names for commands that change runs: all repeats, not the newest."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.analysis.scope import resolve_study
from nnlab.errors import UnknownName, UsageError
from nnlab.records import Run, Study


@dataclass(frozen=True, slots=True)
class RunSelection:
    """The studies and runs that were named, and the runs of these studies.

    A run that was named together with its study is in both tuples.
    """

    studies: tuple[Study, ...]
    runs_of_studies: tuple[Run, ...]
    single_runs: tuple[Run, ...]

    @property
    def runs(self) -> tuple[Run, ...]:
        """All selected runs, each once."""
        by_id = {run.id: run for run in (*self.runs_of_studies, *self.single_runs)}
        return tuple(by_id.values())


def select_runs(db: store.Database, words: Sequence[str], *, removed: bool = False) -> RunSelection:
    """The studies and runs of these names and numbers.

    Args:
        db: the database.
        words: names of studies, and numbers and names of runs; a study takes precedence.
        removed: select removed studies, removed runs, and the removed runs of other studies.

    Raises:
        UnknownName: a word names neither a study nor a run.
        UsageError: a run named by its number is removed (or not removed, if `removed`); or a word
            is both the number of a run and the name of another run or of a study.
    """
    studies_by_name = {study.name: study for study in store.all_studies(db)}
    if removed:
        studies_by_name |= {study.name: study for study in store.all_studies(db, removed=True)}
    by_word = {word: resolve_study(db, word, studies_by_name, removed=removed) for word in words}
    studies = {study.name: study for study in by_word.values() if study is not None}
    single = [
        run
        for word in words
        if by_word[word] is None
        for run in _find_runs(db, word, studies_by_name, removed=removed)
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
    """The only run of a name.

    Raises:
        UsageError: the name has several runs.
    """
    if len(runs) != 1:
        numbers = ", ".join(str(run.id) for run in runs)
        raise UsageError(f"{name} names several runs: {numbers}", hint="give the number of one run")
    return runs[0]


def find_single_run(db: store.Database, word: str) -> Run:
    """The run of a number or a name.

    Raises:
        UnknownName: there is none.
        UsageError: the name stands for several runs.
    """
    runs = store.find_runs(db, [word])
    if len(runs) > 1:
        numbers = ", ".join(str(run.id) for run in runs)
        raise UsageError(
            f"'{word}' is the name of {len(runs)} runs: {numbers}", hint="give one of the numbers"
        )
    return runs[0]
