"""The built-in studies: TOML files that come with nnlab, named by their place in the folder."""

from pathlib import Path

import nnlab
from nnlab.errors import UnknownName

_STUDIES_FOLDER = Path(nnlab.__file__).parent / "studies"


def builtin_study_names() -> tuple[str, ...]:
    """All of them, sorted: `lecture/adam-defaults`, ..."""
    files = sorted(_STUDIES_FOLDER.rglob("*.toml"))
    return tuple(
        str(file.relative_to(_STUDIES_FOLDER).with_suffix("").as_posix()) for file in files
    )


def builtin_study_path(name: str) -> Path:
    """The file of a built-in study.

    Raises:
        UnknownName: there is none of that name.
    """
    known = builtin_study_names()
    if name not in known:
        raise UnknownName("built-in study", name, known)
    return _STUDIES_FOLDER / f"{name}.toml"
