"""Writes runs in the format of another tool, and moves the files to where the user wants them."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from nnlab.errors import OutputError
from nnlab.exchange.log_writer import ExportedRun, LogWriter
from nnlab.io.atomic_stream import check_is_new, open_atomic
from nnlab.io.files import to_nnlab_error


def write_log(
    writer: LogWriter, runs: Sequence[ExportedRun], output: Path, *, force: bool
) -> tuple[Path, ...]:
    """Writes runs to a file or folder; returns the files.

    The files appear under their names when all of them are complete. Other files in the folder
    stay as they are.

    Args:
        writer: the writer of the format.
        runs: the runs.
        output: the file, or the folder, which is created if it does not exist.
        force: whether existing files may be replaced.

    Raises:
        OutputError: a file exists, or cannot be written.
        MissingPackage: the format needs a package that is not installed.
    """
    try:
        return (
            _write_folder(writer, runs, output, force=force)
            if writer.writes_folder
            else (_write_file(writer, runs, output, force=force),)
        )
    except OSError as error:
        raise to_nnlab_error(error, output) from error


def _write_file(
    writer: LogWriter, runs: Sequence[ExportedRun], output: Path, *, force: bool
) -> Path:
    check_is_new(output, force=force)
    with tempfile.TemporaryDirectory(dir=_folder_for_parts(output), prefix=".nnlab-") as folder:
        part = Path(folder, output.name or "part")
        writer.write(runs, part, output.absolute())
        if output.exists() and not output.is_file():  # a device or pipe
            with part.open("rb") as source, open_atomic(output) as device:
                shutil.copyfileobj(source, device)
        else:
            part.replace(output.resolve())
    return output


def _folder_for_parts(output: Path) -> Path | None:
    """The folder of a file, where it can be renamed; None for a device, whose folder takes none."""
    is_device = output.exists() and not output.is_file()
    return None if is_device else output.resolve().parent


def _write_folder(
    writer: LogWriter, runs: Sequence[ExportedRun], output: Path, *, force: bool
) -> tuple[Path, ...]:
    if output.exists() and not output.is_dir():
        raise OutputError(f"'{output}' is a file", hint=f"--to {writer.kind} writes a folder")
    if not output.absolute().parent.is_dir():
        raise OutputError(
            f"cannot write '{output}': the folder '{output.parent}' does not exist",
            hint=f"create it first: mkdir -p {output.parent}",
        )
    folder = output.absolute().parent
    with tempfile.TemporaryDirectory(dir=folder, prefix=".nnlab-") as staging:
        parts = Path(staging)
        writer.write(runs, parts, output.absolute())
        names = sorted(path.relative_to(parts) for path in parts.rglob("*") if path.is_file())
        for name in names:
            check = output / name
            if not force and (check.exists() or check.is_symlink()):
                raise OutputError(
                    f"'{check}' exists: it is not replaced",
                    hint="choose another folder; --force replaces the files of these runs",
                )
        for name in (path.relative_to(parts) for path in parts.rglob("*") if path.is_dir()):
            (output / name).mkdir(parents=True, exist_ok=True)  # a format may need empty folders
        for name in names:
            (output / name).parent.mkdir(parents=True, exist_ok=True)
            (parts / name).replace(output / name)
    return tuple(output / name for name in names)
