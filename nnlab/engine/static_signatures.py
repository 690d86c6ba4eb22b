"""Reads the parameters of a function or class from its source, without executing it."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace

from nnlab.engine.top_level_names import bound_names
from nnlab.settings.argument_types import ArgumentType, type_of_annotation, type_of_default
from nnlab.settings.arguments import Parameter

# Classes whose own constructor takes no arguments.
_BASES_WITHOUT_PARAMETERS = frozenset(("Module", "object", "LightningModule"))
_MAX_ALIAS_DEPTH = 5


def read_parameters(
    source: bytes,
    name: str,
    filename: str = "<unknown>",
    *,
    leading: int = 0,
    leading_of_class: int = 0,
) -> tuple[Mapping[str, Parameter], bool] | None:
    """The parameters of a top-level function or class, and whether it accepts any name.

    Parameters that can only be given by position are not included. None if the source does not
    show them: the name is imported or assigned, has a decorator, or inherits its constructor from
    another file.

    Args:
        source: of a Python file.
        name: of the function or class.
        filename: for messages.
        leading: how many parameters at the start of a function are left out.
        leading_of_class: the same of a class, after `self`.

    Raises:
        SyntaxError: the source is not valid Python.
    """
    return _Source(ast.parse(source, filename), leading, leading_of_class).parameters_of(name)


class _Source:
    """A parsed source and what its top-level names are bound to."""

    def __init__(self, tree: ast.Module, leading: int, leading_of_class: int) -> None:
        self._leading = leading
        self._leading_of_class = leading_of_class
        self._bindings: dict[str, list[ast.stmt]] = {}
        for statement in tree.body:
            for name in bound_names([statement]):
                self._bindings.setdefault(name, []).append(statement)

    def parameters_of(self, name: str) -> tuple[Mapping[str, Parameter], bool] | None:
        """The parameters of a function or class; see `read_parameters`."""
        match self._bindings.get(name, ()):
            case [ast.FunctionDef(decorator_list=[]) as function]:
                return self._parameters(function.args, skip=self._leading)
            case [ast.ClassDef(decorator_list=[], keywords=[]) as definition]:
                return self._constructor_parameters(definition)
        return None

    def _constructor_parameters(
        self, definition: ast.ClassDef
    ) -> tuple[Mapping[str, Parameter], bool] | None:
        methods = [node for node in ast.walk(definition) if isinstance(node, ast.FunctionDef)]
        if any(method.name == "__new__" for method in methods):
            return None
        in_body = [node for node in definition.body if "__init__" in bound_names([node])]
        match in_body:
            case [ast.FunctionDef(decorator_list=[]) as constructor]:
                return self._parameters(constructor.args, skip=1 + self._leading_of_class)
            case []:
                return self._inherited_parameters(definition.bases)
        return None

    def _inherited_parameters(
        self, bases: Sequence[ast.expr]
    ) -> tuple[Mapping[str, Parameter], bool] | None:
        if len(bases) > 1:
            return None
        match bases:
            case []:
                return {}, False
            case [ast.Name(id=name)] if name in self._bindings:
                own = self.parameters_of(name)
                imported = isinstance(self._bindings[name][0], ast.ImportFrom)
                return ({}, False) if imported and name in _BASES_WITHOUT_PARAMETERS else own
            case [ast.Attribute(attr=name) | ast.Name(id=name)]:
                return ({}, False) if name in _BASES_WITHOUT_PARAMETERS else None
        return None

    def _parameters(
        self, arguments: ast.arguments, *, skip: int
    ) -> tuple[Mapping[str, Parameter], bool] | None:
        """The parameters, without the first `skip` that can be given by position."""
        positional = [*arguments.posonlyargs, *arguments.args]
        padding = [None] * (len(positional) - len(arguments.defaults))
        defaults = [*padding, *arguments.defaults, *arguments.kw_defaults]
        pairs = list(zip([*positional, *arguments.kwonlyargs], defaults, strict=True))
        if len(arguments.posonlyargs) > skip:
            return None  # the dynamic path describes what nnlab cannot pass
        skip = min(skip, len(positional))  # further ones can only be given by name
        parameters = [self._parameter(node, default) for node, default in pairs[skip:]]
        return {parameter.name: parameter for parameter in parameters}, arguments.kwarg is not None

    def _parameter(self, node: ast.arg, default: ast.expr | None) -> Parameter:
        annotation = "" if node.annotation is None else _annotation_text(node.annotation)
        kind = self._declared_type(node.annotation) if annotation else self._default_type(default)
        if isinstance(default, ast.Constant) and default.value is None:
            kind = replace(kind, optional=True)
        text = None if default is None else ast.unparse(default)
        return Parameter(node.arg, annotation, kind, text)

    def _declared_type(self, annotation: ast.expr | None) -> ArgumentType:
        for _ in range(_MAX_ALIAS_DEPTH):
            if annotation is None:
                break
            if (kind := type_of_annotation(ast.unparse(annotation))) is not None:
                return kind
            annotation = self._assigned_value(annotation)
        return ArgumentType(is_settable=False)

    def _default_type(self, default: ast.expr | None) -> ArgumentType:
        """The type of a parameter without annotation."""
        if default is None:
            return ArgumentType()
        try:
            return type_of_default(ast.literal_eval(default))
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            pass
        if (value := self._assigned_value(default)) is not None and value is not default:
            return self._default_type(value)
        is_constant = isinstance(default, ast.Name) and default.id.isupper()
        if is_constant or isinstance(default, ast.BinOp):
            return ArgumentType()
        return ArgumentType(is_settable=False)

    def _assigned_value(self, node: ast.expr) -> ast.expr | None:
        """What a name is assigned at the top level, once; None for other expressions."""
        if not isinstance(node, ast.Name):
            return None
        match self._bindings.get(node.id, ()):
            case [ast.Assign(targets=[ast.Name()], value=value)]:
                return value
            case [ast.AnnAssign(value=ast.expr() as value)]:
                return value
        return None


def _annotation_text(annotation: ast.expr) -> str:
    """An annotation as text, without the quotes of a deferred one."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return annotation.value
    return ast.unparse(annotation)
