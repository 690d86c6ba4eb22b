"""Serves the files of runs: as what they are by content, never as a page or script."""

from pathlib import Path
from urllib.parse import quote

from starlette.responses import FileResponse, Response

from nnlab import store
from nnlab.board.context import BoardContext
from nnlab.board.selection import visible_runs

_SNIFFED_BYTES = 4_096
_IMAGE_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
DOWNLOAD_TYPE = "application/octet-stream"


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


def sniff_content_type(path: Path) -> str:
    """The type of a raster image or of plain text by its first bytes, else that of a download."""
    with path.open("rb") as file:
        start = file.read(_SNIFFED_BYTES)
    for magic, image_type in _IMAGE_STARTS:
        if start.startswith(magic):
            return image_type
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return "image/webp"
    if b"\0" in start:
        return DOWNLOAD_TYPE
    try:
        # The last character may be cut off.
        start.decode() if len(start) < _SNIFFED_BYTES else start[:-4].decode(errors="strict")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 8:
            return DOWNLOAD_TYPE
    return "text/plain; charset=utf-8"
