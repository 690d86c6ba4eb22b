"""Serves the files of runs: as what they are by content, never as a page or script."""

from urllib.parse import quote

from starlette.responses import FileResponse, Response

from nnlab import store
from nnlab.board.context import BoardContext
from nnlab.board.file_types import DOWNLOAD_TYPE, sniff_content_type
from nnlab.board.selection import visible_runs


def artifact_response(context: BoardContext, run_id: int, artifact_id: int) -> Response:
    """The answer with a file of a run.

    Raises:
        UnknownName: the board shows no such run, or it has no such file.
        OutputError: the file is not in the folder of the run.
    """
    (visible,) = visible_runs(context, (run_id,))
    (run,) = store.runs(context.db, run_ids=(visible,))
    path = store.artifact_path(context.db, run, artifact_id)
    content_type = sniff_content_type(path)
    headers = {"Content-Security-Policy": "sandbox; default-src 'none'"}
    if content_type == DOWNLOAD_TYPE:
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(path.name, safe='')}"
    return FileResponse(path, media_type=content_type, headers=headers)
