"""Finds the names that a Python source defines at the top level, without executing it."""

import ast
from collections.abc import Iterator, Sequence

# Builtins that can define names which are not visible in the source.
_DYNAMIC_BUILTINS = frozenset({"globals", "vars", "exec", "setattr"})


def defined_names(source: bytes, filename: str) -> frozenset[str] | None:
    """All names bound at the top level, including those inside `if`, `try` and `with`.

    None if the source may bind further names: `from x import *`, a module's `__getattr__`,
    `match`, or a use of `globals()` or a similar function.

    Raises:
        SyntaxError: the source is not valid Python.
    """
    tree = ast.parse(source, filename)
    names = frozenset(bound_names(tree.body))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            return None
        if isinstance(node, ast.Match) or (
            isinstance(node, ast.Name) and node.id in _DYNAMIC_BUILTINS
        ):
            return None
        if isinstance(node, ast.Global):
            names |= set(node.names)
    return None if "__getattr__" in names else names


def bound_names(body: Sequence[ast.AST]) -> Iterator[str]:
    """The names that statements bind, without those inside of functions and classes."""
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Import() | ast.ImportFrom():
                yield from ((a.asname or a.name).partition(".")[0] for a in node.names)
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.ExceptHandler() | ast.stmt() | ast.expr() | ast.withitem():
                yield from bound_names(list(ast.iter_child_nodes(node)))
            case _:
                pass
