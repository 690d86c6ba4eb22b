"""The built-in studies: TOML files that nnlab contains, named by their path in the folder."""

from pathlib import Path

from nnlab.errors import UnknownName

_STUDIES_FOLDER = Path(__file__).resolve().parents[1] / "studies"


def builtin_study_names() -> tuple[str, ...]:
    """The names of all built-in studies, sorted: `lecture/adam-defaults`, ..."""
    files = sorted(_STUDIES_FOLDER.rglob("*.toml"))
    return tuple(
        str(file.relative_to(_STUDIES_FOLDER).with_suffix("").as_posix()) for file in files
    )


def builtin_study_path(name: str) -> Path:
    """The file of a built-in study.

    Raises:
        UnknownName: no built-in study has that name.
    """
    names = builtin_study_names()
    if name not in names:
        raise UnknownName("built-in study", name, names)
    return _STUDIES_FOLDER / f"{name}.toml"
