"""Where the files are that a run made."""

from nnlab.folders import Folder, folder_at
from nnlab.records import Run
from nnlab.store.served import AnyDatabase


def files_of(db: AnyDatabase, run: Run) -> Folder:
    """The folder that the paths of a run's artifacts begin in."""
    return db.files if run.artifacts is None else folder_at(run.artifacts)
