"""The output of the script of a run."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnlab import store
from nnlab.board.context import BoardContext
from nnlab.board.parameters import Parameters
from nnlab.board.views.one_run import shown_run
from nnlab.errors import OutputError
from nnlab.io.redaction import mask_secrets
from nnlab.records import Run
from nnlab.workers.output_file import shown_lines
from nnlab.workers.script_folder import find_output_file

MAX_LINES = 20_000
_MAX_BYTES = 4 << 20
# Colours and movements of the cursor, and titles of the window.
_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def read_run_log(context: BoardContext, parameters: Parameters) -> Mapping[str, Any]:
    """The last `lines` lines of the output of the run `run`, and the size of the whole file.

    With `size`, the size that the page has already, only whether there is anything new.

    Raises:
        UnknownName: the board shows no such run.
    """
    run = shown_run(context, parameters)
    count = parameters.integer("lines", 200, low=1, high=MAX_LINES)
    known = parameters.integer("size", -1, low=-1, high=2**53)
    path = _output_path(context.db, run)
    if path is None:
        return {"size": None, "lines": [], "is_complete": True, "has_more": False}
    size = path.stat().st_size
    if size == known:
        return {"size": size, "lines": [], "is_unchanged": True}
    lines, is_complete, has_more = _last_lines(path, count)
    return {"size": size, "lines": lines, "is_complete": is_complete, "has_more": has_more}


def _output_path(db: store.Database, run: Run) -> Path | None:
    """The file with the output, if it is in the folder that nnlab created for the run."""
    try:
        store.run_folder(db, run, run.artifacts)
    except OutputError:
        return None
    path = find_output_file(db, run)
    # A link could lead to a file of the user that is no output.
    return None if path is None or path.is_symlink() or path.parent.is_symlink() else path


def _last_lines(path: Path, count: int) -> tuple[list[str], bool, bool]:
    """The last lines as plain text; whether they are all lines, and whether more can be read."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        start = max(0, size - _MAX_BYTES)
        file.seek(start)
        text = file.read(_MAX_BYTES).decode(errors="replace")
    lines = shown_lines(text)
    plain = [_plain(line) for line in lines[-count:]]
    has_more = len(lines) > count and count < MAX_LINES
    return plain, start == 0 and len(lines) <= count, has_more


def _plain(line: str) -> str:
    return mask_secrets(_CONTROL.sub("", _ESCAPE_SEQUENCE.sub("", line)))
