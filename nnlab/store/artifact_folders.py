"""The folders of the files of runs."""

from nnlab.errors import OutputError
from nnlab.io.folders import Folder, folder_at
from nnlab.records import Run
from nnlab.store.folder_marker import MarkedFolder, ends_with_creation_stamp, marker_content
from nnlab.store.remote_callable import AnyDatabase


def artifacts_folder(db: AnyDatabase, artifacts: str | None) -> Folder:
    """The folder that the paths of a run's artifacts are relative to, by its stored place."""
    return db.files if artifacts is None else folder_at(artifacts)


def run_folder(db: AnyDatabase, run: Run, artifacts: str | None) -> MarkedFolder:
    """The folder to which a worker writes the files of a run.

    Args:
        db: the database.
        run: the run.
        artifacts: the folder or URL with the run's folder; None is the database's own folder.

    Raises:
        OutputError: nnlab does not create places of such a name: a database of another user must
            not choose a folder to which files are written, or from which files are deleted.
    """
    if artifacts is not None and not ends_with_creation_stamp(artifacts, run.created_at):
        raise OutputError(
            f"run {run.id}: the database says that its files are in {artifacts}, which is not a"
            " folder that nnlab created for it",
            hint="train it again with --again, as a run of your own",
        )
    folder = artifacts_folder(db, artifacts).within(str(run.id))
    return MarkedFolder(folder, marker_content(run.id, run.created_at))
