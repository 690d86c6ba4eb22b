"""Finds the files that a Python source imports from its own folder, without executing them."""

import ast
from collections.abc import Iterator
from pathlib import Path


def find_local_imports(source: Path, root: Path) -> tuple[Path, ...]:
    """The files below `root` that a source imports, directly or indirectly, sorted.

    Follows `import near` and `from . import near`, also inside functions. Modules imported by a
    computed name (`importlib.import_module`), files read as data and installed packages are not
    included, nor is the source itself. Files that cannot be parsed are not followed.

    Args:
        source: a Python file.
        root: the folder in which its absolute imports are looked up.
    """
    imported: set[Path] = set()
    pending = [source.resolve()]
    while pending:
        path = pending.pop()
        new_files = {
            file for file in _directly_imported_files(path, root.resolve()) if file not in imported
        }
        imported |= new_files
        pending += new_files
    return tuple(sorted(imported - {source.resolve()}))


def _directly_imported_files(path: Path, root: Path) -> Iterator[Path]:
    """The files that one source imports directly; none if it cannot be parsed."""
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _module_files(root, alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            folder = root
            if node.level:
                folder = path.parents[min(node.level, len(path.parents)) - 1]
            parts = node.module.split(".") if node.module else []
            if node.level and not folder.is_relative_to(root):
                continue
            for alias in node.names:
                # The imported name may be a module of the package or a name in it.
                yield from _module_files(folder, [*parts, alias.name])
            if node.level and not parts:
                yield from _file_if_it_exists(folder / "__init__.py")


def _module_files(folder: Path, parts: list[str]) -> Iterator[Path]:
    """The files executed by `import a.b.c`: the packages' __init__ files and the module."""
    for part in parts:
        if not part.isidentifier():
            return
        yield from _file_if_it_exists(folder / f"{part}.py")
        folder = folder / part
        yield from _file_if_it_exists(folder / "__init__.py")


def _file_if_it_exists(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path.resolve()
