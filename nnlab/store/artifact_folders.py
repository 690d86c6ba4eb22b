"""Where the files are that a run made."""

from nnlab.errors import OutputError
from nnlab.io.folders import Folder, folder_at
from nnlab.records import Run
from nnlab.store.folder_marker import MarkedFolder, ends_with_creation_stamp, marker_content
from nnlab.store.remote_callable import AnyDatabase


def artifacts_folder(db: AnyDatabase, artifacts: str | None) -> Folder:
    """The folder that the paths of a run's artifacts begin in, by what the run says of it."""
    return db.files if artifacts is None else folder_at(artifacts)


def run_folder(db: AnyDatabase, run: Run, artifacts: str | None) -> Folder:
    """The folder that a worker writes the files of a run to.

    Args:
        db: the database.
        run: the run.
        artifacts: the folder or URL that the run's folder is in; None is the database's own.

    Raises:
        OutputError: nnlab gives no place such a name: a database of somebody else would have its
            files written to, and deleted from, a folder of its choice.
    """
    if artifacts is not None and not ends_with_creation_stamp(artifacts, run.created_at):
        raise OutputError(
            f"run {run.id}: the database says that its files are in {artifacts}, which is no folder"
            " that nnlab made for it",
            hint="train it again with --again, as a run of your own",
        )
    folder = artifacts_folder(db, artifacts).within(str(run.id))
    return MarkedFolder(folder, marker_content(run.id, run.created_at))
