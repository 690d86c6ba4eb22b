"""Studies and runs as the functions of the API take them: by name, by number, or as records."""

import operator
from typing import SupportsIndex

from nnlab import store
from nnlab.analysis.run_overview import RunOverview
from nnlab.analysis.selection import find_single_run
from nnlab.errors import UsageError
from nnlab.records import Run, Study

# A run by its number or name, or as one of the records that have it.
RunReference = str | SupportsIndex | Run | RunOverview
# A study by its name, or as a record, or a run.
Reference = RunReference | Study | store.StudyOverview


def reference_word(reference: Reference) -> str:
    """The argument of the command line that names a run or a study.

    Raises:
        UsageError: it is of another type.
    """
    match reference:
        case str():
            return reference
        case Run() | RunOverview():
            return f"#{reference.id}"
        case Study():
            return f"study:{reference.name}"
        case store.StudyOverview():
            return f"study:{reference.study.name}"
        case bool():
            pass
        case _:
            try:
                return f"#{operator.index(reference)}"
            except TypeError:
                pass
    raise UsageError(
        f"a run is given by its number or name, got {reference!r}",
        hint="runs() lists the runs, studies() the studies",
    )


def find_run(db: store.Database, reference: RunReference) -> Run:
    """The run of a reference.

    Raises:
        UnknownName: there is none.
        UsageError: a name stands for several runs.
    """
    return find_single_run(db, reference_word(reference))
