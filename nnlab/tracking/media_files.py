"""Files of a run: media that were logged, and files that the program saved."""

import hashlib
import re
from pathlib import Path

from nnlab.io.files import sha256_of, write_atomic
from nnlab.records import Artifact
from nnlab.tracking.media import Media

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def write_media(folder: Path, run_id: int, key: str, step: int | None, media: Media) -> Artifact:
    """Writes the file of a media value atomically; returns its artifact.

    Args:
        folder: the folder of the run.
        run_id: the run.
        key: the name in the log call.
        step: the step of the call.
        media: the value.

    Raises:
        DiskFull, OutputError: the file cannot be written.
    """
    content = media.encode()
    number = "none" if step is None else str(step)
    path = folder / "media" / f"{safe_name(key)}-{number}{media.suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, content, durable=False)
    sha256 = hashlib.sha256(content).hexdigest()
    stored = f"{run_id}/media/{path.name}"
    return Artifact(run_id, f"media/{key}/{number}", stored, sha256, len(content))


def safe_name(key: str) -> str:
    """A file name for a metric; different metrics have different names.

    >>> safe_name("val_images"), safe_name("val/images")[:11]
    ('val_images', 'val_images-')
    """
    name = _UNSAFE.sub("_", key).strip(".")[:80] or "media"
    if name == key:
        return name
    return f"{name}-{hashlib.sha256(key.encode(errors='replace')).hexdigest()[:8]}"


def saved_artifact(run_id: int, path: Path, relative: str) -> Artifact:
    """The artifact of a file `files/RELATIVE` in the folder of the run."""
    return Artifact(
        run_id,
        f"file/{relative}",
        f"{run_id}/files/{relative}",
        sha256_of(path),
        path.stat().st_size,
    )
