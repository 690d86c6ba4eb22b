"""What a user's own file is called on the command line, for a name that left out the prefix."""

import ast
from pathlib import Path

_MAX_NAMES = 5


def suggest_spelling(kind: str, name: str) -> str | None:
    """How a file or folder is named as a value of `data` or `model`; None for any other name.

    A Python file is read and not run.

    >>> meant_by("data", "penguins.csv")
    'csv:penguins.csv (its last column is the target; csv:penguins.csv#COLUMN names another)'
    >>> meant_by("model", "adam")
    """
    bare = name.rstrip(":")
    path = Path(bare).expanduser()
    suffix = path.suffix.lower()
    if kind in ("data", "model") and suffix == ".py":
        return " or ".join(f"{bare}:{callable_}" for callable_ in _callables_in(path))
    if kind != "data" or not bare:
        return None
    if suffix == ".csv":
        return f"csv:{bare} (its last column is the target; csv:{bare}#COLUMN names another)"
    if suffix == ".npz":
        return f"npz:{bare}"
    return f"folder:{bare}" if _is_folder(path) else None


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # no file can have such a name
        return False


def _callables_in(path: Path) -> tuple[str, ...]:
    try:
        names = public_callables(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        names = ()
    return names[:_MAX_NAMES] or ("NAME",)


def public_callables(source: bytes) -> tuple[str, ...]:
    """The functions and classes at the top of a Python source, without those with an underscore.

    Raises:
        SyntaxError: it is no Python.
    """
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = (node.name for node in ast.parse(source).body if isinstance(node, definitions))
    return tuple(name for name in found if not name.startswith("_"))
