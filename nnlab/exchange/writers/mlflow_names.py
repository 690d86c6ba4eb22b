"""Names that MLflow accepts and that are files below one folder."""

import re
from collections.abc import Iterable

MAX_NAME = 250
_NOT_ALLOWED = re.compile(r"[^/A-Za-z0-9_.\- ]")


class MlflowNames(dict[str, str]):
    """The name in MLflow's file store of each name: allowed characters, unique, a relative path.

    In the file store, `loss` is a file and `loss/a` needs a folder of that name; then the first is
    `loss.value`.

    >>> dict(MlflowNames(["val/loss", "f1@0.5", "../x", "val"]))
    {'val/loss': 'val/loss', 'f1@0.5': 'f1_0.5', '../x': '_./x', 'val': 'val.value'}
    """

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__()
        cleaned = {name: _cleaned(name) for name in names}
        folders = {
            "/".join(parts[:length])
            for parts in (path.split("/") for path in cleaned.values())
            for length in range(1, len(parts))
        }
        taken = set(folders)
        for name, path in cleaned.items():
            candidate = path if path not in folders else f"{path}.value"
            number = 1
            while candidate in taken:
                number += 1
                candidate = f"{path}.{number}"
            taken.add(candidate)
            self[name] = candidate


def _cleaned(name: str) -> str:
    parts = _NOT_ALLOWED.sub("_", name[:MAX_NAME]).split("/")
    # A part must be the name of a file: not empty, not `.` or `..`, no blank at its ends.
    return "/".join(re.sub(r"^\.", "_", part.strip()) if part.strip() else "_" for part in parts)
