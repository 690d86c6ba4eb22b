"""The names that a Python source defines at its top, found without running it."""

import ast
from collections.abc import Iterator, Sequence

# What can define names that reading alone does not show.
_DYNAMIC_BUILTINS = frozenset({"globals", "vars", "exec", "setattr"})


def defined_names(source: bytes, filename: str) -> frozenset[str] | None:
    """All names bound at the top level, below `if`, `try` and `with` too.

    None where the source may bind more than is read here: `from x import *`, a module's
    `__getattr__`, `match`, or a use of `globals()` and its like.

    Raises:
        SyntaxError: it is no Python.
    """
    tree = ast.parse(source, filename)
    names = frozenset(_bound_names(tree.body))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(one.name == "*" for one in node.names):
            return None
        if isinstance(node, ast.Match) or (
            isinstance(node, ast.Name) and node.id in _DYNAMIC_BUILTINS
        ):
            return None
        if isinstance(node, ast.Global):
            names |= set(node.names)
    return None if "__getattr__" in names else names


def _bound_names(body: Sequence[ast.AST]) -> Iterator[str]:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Import() | ast.ImportFrom():
                yield from ((one.asname or one.name).partition(".")[0] for one in node.names)
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.ExceptHandler() | ast.stmt() | ast.expr() | ast.withitem():
                yield from _bound_names(list(ast.iter_child_nodes(node)))
            case _:
                pass
