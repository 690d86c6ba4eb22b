"""Suggestions for the names of users' files that lack a prefix such as `csv:`."""

import ast
from pathlib import Path

_MAX_NAMES = 5
_TABLE_PREFIXES = {
    ".csv": "csv:",
    ".tsv": "csv:",
    ".parquet": "parquet:",
    ".pq": "parquet:",
    ".xlsx": "excel:",
    ".xlsm": "excel:",
}
_COMPRESSED_SUFFIXES = (".gz", ".bz2", ".xz", ".zip")


def suggest_spelling(kind: str, name: str) -> str | None:
    """The spelling of a file or folder as a value of `data`, `model`, ...; None for other names.

    Python files are parsed and not executed.

    >>> suggest_spelling("data", "penguins.csv")
    'csv:penguins.csv (its last column is the target; csv:penguins.csv#COLUMN names another)'
    >>> suggest_spelling("model", "adam")
    """
    bare = name.rstrip(":")
    path = Path(bare).expanduser()
    suffix = path.suffix.lower()
    if kind in ("data", "model", "loss", "opt", "decay", "metric", "task") and suffix == ".py":
        return " or ".join(f"{bare}:{callable_}" for callable_ in _callables_in(path))
    if kind != "data" or not bare:
        return None
    if (prefix := table_prefix(bare)) is not None:
        return (
            f"{prefix}{bare} (its last column is the target; {prefix}{bare}#COLUMN names another)"
        )
    if suffix == ".npz":
        return f"npz:{bare}"
    return f"folder:{bare}" if _is_folder(path) else None


def table_prefix(name: str) -> str | None:
    """The prefix of a file of a table as a value of `data`; None for other names.

    >>> table_prefix("penguins.csv.gz"), table_prefix("penguins.parquet"), table_prefix("iris")
    ('csv:', 'parquet:', None)
    """
    path = Path(name)
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    if suffixes and suffixes[-1] in _COMPRESSED_SUFFIXES:
        suffixes.pop()
    return _TABLE_PREFIXES.get(suffixes[-1]) if suffixes else None


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # not a valid file name
        return False


def _callables_in(path: Path) -> tuple[str, ...]:
    try:
        names = public_callables(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        names = ()
    return names[:_MAX_NAMES] or ("NAME",)


def public_callables(source: bytes) -> tuple[str, ...]:
    """The names of public functions and classes at the top level of a Python source.

    Raises:
        SyntaxError: the source is not valid Python.
    """
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names = (node.name for node in ast.parse(source).body if isinstance(node, definitions))
    return tuple(name for name in names if not name.startswith("_"))
