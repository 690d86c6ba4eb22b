"""The files that a Python source imports from its own folder, found without running any of them."""

import ast
from collections.abc import Iterator
from pathlib import Path


def find_local_imports(source: Path, root: Path) -> tuple[Path, ...]:
    """The files below `root` that a source imports, directly or through each other, sorted.

    Both `import near` and `from . import near` are followed, inside functions too. What is
    imported by a computed name (`importlib.import_module`), read as data, or installed elsewhere
    is not found. The source itself is left out; a file that is no Python is not followed.

    Args:
        source: a Python file.
        root: the folder that its absolute imports start in.
    """
    found: set[Path] = set()
    waiting = [source.resolve()]
    while waiting:
        path = waiting.pop()
        new = {each for each in _directly_imported_files(path, root.resolve()) if each not in found}
        found |= new
        waiting += new
    return tuple(sorted(found - {source.resolve()}))


def _directly_imported_files(path: Path, root: Path) -> Iterator[Path]:
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
                # What is imported may be a module of the package or a name in it.
                yield from _module_files(folder, [*parts, alias.name])
            if node.level and not parts:
                yield from _file_if_it_exists(folder / "__init__.py")


def _module_files(folder: Path, parts: list[str]) -> Iterator[Path]:
    """The files that Python executes to import `a.b.c`: each package on the way, and the module."""
    for part in parts:
        if not part.isidentifier():
            return
        yield from _file_if_it_exists(folder / f"{part}.py")
        folder = folder / part
        yield from _file_if_it_exists(folder / "__init__.py")


def _file_if_it_exists(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path.resolve()
