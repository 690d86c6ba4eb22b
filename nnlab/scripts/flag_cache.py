"""Cache of the flags of scripts, by the content of their sources."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from nnlab.errors import NnlabError
from nnlab.io.files import cache_dir, read_limited, write_atomic
from nnlab.scripts.flag_records import flags_from_json, flags_to_json
from nnlab.scripts.flags import ScriptFlags

# Raised when the probe reports something else for the same script.
_CACHE_VERSION = 1
_MAX_FILE_BYTES = 16 << 20
_MAX_FILES = 500


def flag_cache_key(script: Path, sources: Sequence[bytes], python: str) -> str:
    """The name of the cache file: a hash of the sources and of the interpreter's packages."""
    digest = hashlib.sha256()
    parts = [str(_CACHE_VERSION), str(script.resolve()), python, *_package_times(python)]
    for part in (*(part.encode() for part in parts), *sources):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def _package_times(python: str) -> list[str]:
    """When packages were last installed for an interpreter: they may declare the flags."""
    folders = sorted(Path(python).parent.parent.glob("lib*/python*/site-packages"))
    return [str(folder.stat().st_mtime_ns) for folder in folders]


def cached_flags(key: str) -> ScriptFlags | None:
    """The cached flags; None if there are none or the file is damaged."""
    try:
        flags = flags_from_json(read_limited(_folder() / f"{key}.json", _MAX_FILE_BYTES))
    except OSError:
        return None
    return None if flags.problem else flags


def write_cached_flags(key: str, flags: ScriptFlags) -> None:
    """Caches flags; a cache that cannot be written is no error."""
    try:
        folder = _folder()
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / f"{key}.json", flags_to_json(flags), durable=False)
        _remove_oldest(folder)
    except (OSError, NnlabError):
        return


def _folder() -> Path:
    return cache_dir() / "script-flags"


def _remove_oldest(folder: Path) -> None:
    files = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime)
    for file in files[:-_MAX_FILES]:
        file.unlink(missing_ok=True)
