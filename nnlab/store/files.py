"""Where the files are that a run made."""

from nnlab.folders import Folder, folder_at
from nnlab.store.served import AnyDatabase


def files_of(db: AnyDatabase, artifacts: str | None) -> Folder:
    """The folder that the paths of a run's artifacts begin in, by what the run says of it."""
    return db.files if artifacts is None else folder_at(artifacts)
