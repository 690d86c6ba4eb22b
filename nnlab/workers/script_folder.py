"""The folder of a script's run, in which it finds its checkpoints when it is started again."""

from pathlib import Path

from nnlab import store
from nnlab.errors import UsageError
from nnlab.io.folders import LocalFolder
from nnlab.records import Run
from nnlab.store.folder_marker import MARKER, marker_content
from nnlab.workers.output_file import OUTPUT_NAME

CHECKPOINTS_NAME = "checkpoints"
# `nnlab.init` creates it in the process of a script, to say that it logs by itself.
JOINED_NAME = "joined"


def create_script_folder(db: store.AnyDatabase, run: Run, artifacts: str | None) -> Path:
    """Creates the folder of a run, and returns its absolute path.

    A folder that a run of another database has left under the same number is moved away: its
    checkpoints are not those of this run.

    Args:
        db: the database.
        run: the run.
        artifacts: the place of the run's files; None is the database's own folder.

    Raises:
        UsageError: the place is a URL: a script can only write to a folder.
        OutputError: the folder cannot be created.
    """
    if artifacts is not None and "://" in artifacts:
        raise UsageError(
            f"a script cannot write its files to {artifacts}", hint="--artifacts FOLDER"
        )
    path = _folder_path(db, run, artifacts)
    marker = path / MARKER
    expected = marker_content(run.id, run.created_at)
    if marker.is_file() and marker.read_bytes() != expected:
        path.rename(_free_name(path))
    if isinstance(db, store.Database):
        # Creates the folder with its marker.
        store.run_folder(db, run, artifacts).append(OUTPUT_NAME, b"")
    else:
        LocalFolder(path).write_volatile(MARKER, expected)
    (path / CHECKPOINTS_NAME).mkdir(exist_ok=True)
    return path


def find_output_file(db: store.Database, run: Run) -> Path | None:
    """The file with the output of a script's run; None if there is none on this machine."""
    if run.artifacts is not None and "://" in run.artifacts:
        return None
    path = _folder_path(db, run, run.artifacts) / OUTPUT_NAME
    return path if path.is_file() else None


def _folder_path(db: store.AnyDatabase, run: Run, artifacts: str | None) -> Path:
    root = db.address.artifacts if artifacts is None else Path(artifacts)
    return root.absolute() / str(run.id)


def _free_name(path: Path) -> Path:
    names = (path.with_name(f"{path.name}.replaced-{number}") for number in range(1, 10_000))
    return next(name for name in names if not name.exists())
