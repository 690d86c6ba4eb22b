"""SQL constructs that SQLite and PostgreSQL spell differently, for all statements of the store.

Each is a SQLAlchemy element with one compiler per dialect.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Table, bindparam, literal, literal_column, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import Join, TableValuedAlias
from sqlalchemy.types import Boolean, Float, NullType, Text

from nnlab.store.serialization import to_json

_JSON_PATH = re.compile(r"\w+(\.\w+)*")


class _IdList(FunctionElement[Any]):
    """The integers of a JSON list, as a subquery: any number of ids is one bound value.

    An expanding parameter would need one compiled text per length, and SQLite limits how many
    values a statement may bind.
    """

    name = "id_list"
    inherit_cache = True


class _NameList(FunctionElement[Any]):
    """The strings of a JSON list, as a subquery."""

    name = "name_list"
    inherit_cache = True


class _JsonElements(FunctionElement[Any]):
    """The elements of a JSON list as rows with a column `value`."""

    name = "json_elements"
    inherit_cache = True


class _OrderedJsonElements(FunctionElement[Any]):
    """The elements of a JSON list as rows with the columns `value` and `key`, the position."""

    name = "ordered_json_elements"
    inherit_cache = True


class _JsonField(FunctionElement[Any]):
    """A field of a JSON object: its value in SQLite, its text in PostgreSQL."""

    name = "json_field"
    type = NullType()
    inherit_cache = True


class _IsValidJson(FunctionElement[bool]):
    """Whether a column holds JSON; a JSON column of PostgreSQL holds nothing else."""

    name = "is_valid_json"
    type = Boolean()
    inherit_cache = True


class _JsonAppend(FunctionElement[Any]):
    """A JSON list with one more string at its end."""

    name = "json_append"
    type = NullType()
    inherit_cache = True


class CrossJoin(Join):
    """A CROSS JOIN, of which SQLite keeps the order: the left table is the outer loop."""

    inherit_cache = True


class Upsert(Insert):
    """INSERT ... ON CONFLICT; both dialects spell it in the same way."""

    inherit_cache = False  # it is compiled once, by DriverStatement
    conflict_columns: Sequence[str] = ()
    updated_columns: Sequence[str] = ()


def in_ids(column: ColumnElement[Any], ids: Iterable[int]) -> ColumnElement[bool]:
    """The condition that a column is one of some ids."""
    return _in_list(column, _IdList(bindparam(None, ids_to_json(ids), NullType(), unique=True)))


def in_ids_parameter(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """The same for a bound parameter, whose value `ids_to_json` gives."""
    return _in_list(column, _IdList(bindparam(name, type_=NullType())))


def in_names(column: ColumnElement[Any], names: Iterable[str]) -> ColumnElement[bool]:
    """The condition that a column is one of some names."""
    return _in_list(
        column, _NameList(bindparam(None, names_to_json(names), NullType(), unique=True))
    )


def in_names_parameter(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """The same for a bound parameter, whose value `names_to_json` gives."""
    return _in_list(column, _NameList(bindparam(name, type_=NullType())))


def ids_to_json(ids: Iterable[int]) -> str:
    """The value to bind for a list of ids."""
    return json.dumps(list(ids))


def names_to_json(names: Iterable[str]) -> str:
    """The value to bind for a list of names."""
    return to_json(list(names))


def in_values(column: ColumnElement[Any], values: Iterable[str]) -> ColumnElement[bool]:
    """The condition that a column is one of a few fixed strings.

    Unlike with `column.in_(values)`, the compiled text does not depend on the values.
    """
    return column.in_([literal(str(value)) for value in values])


def json_field(column: ColumnElement[Any], path: str) -> ColumnElement[Any]:
    """The field of a JSON column at a path such as `options.pruner`; NULL where it is missing.

    Raises:
        ValueError: the path holds other characters than letters, digits and underscores.
    """
    if not _JSON_PATH.fullmatch(path):
        raise ValueError(f"{path!r} is not a path of field names")
    return _JsonField(column, literal_column(path))


def is_valid_json(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a column holds JSON."""
    return _IsValidJson(column)


def json_append(column: ColumnElement[Any], parameter: str) -> ColumnElement[Any]:
    """A JSON list with the string of a bound parameter at its end."""
    return _JsonAppend(column, bindparam(parameter, type_=Text()))


class _JsonText(FunctionElement[Any]):
    """A field of a JSON object as text."""

    type = Text()
    inherit_cache = True
    name = "json_text"


class _JsonNumber(FunctionElement[Any]):
    """A field of a JSON object as a number."""

    type = Float()
    inherit_cache = True
    name = "json_number"


def json_text(column: ColumnElement[Any], field: str) -> ColumnElement[Any]:
    """A field of a JSON object as text, `true` and `false` included; NULL if it has no such one."""
    return _JsonText(column, literal(field, Text()), literal(_field_path(field), Text()))


def json_number(column: ColumnElement[Any], field: str) -> ColumnElement[Any]:
    """A field of a JSON object as a number; NULL if it is not one."""
    return _JsonNumber(column, literal(field, Text()), literal(_field_path(field), Text()))


def _field_path(field: str) -> str:
    """The path of a field in SQLite's form, which cannot name a field with quotation marks."""
    return '$."' + field.replace('"', "") + '"'


def json_elements(column: ColumnElement[Any]) -> TableValuedAlias:
    """The rows of a JSON list in a column; `.c.value` is an element."""
    return _JsonElements(column).table_valued("value", name="elements")


def ordered_ids(parameter: str) -> TableValuedAlias:
    """The ids of a bound JSON list as rows, in their order; `.c.value`, `.c.key`."""
    elements = _OrderedJsonElements(bindparam(parameter, type_=NullType()))
    return elements.table_valued("value", "key", name="requested")


def cross_join(first: FromClause, *others: FromClause) -> FromClause:
    """Tables that are joined in exactly this order; WHERE has the conditions.

    SQLite's planner reorders an ordinary join, and walks all summaries of a metric even for the
    runs of one trial.
    """
    joined = first
    for table in others:
        joined = CrossJoin(joined, table, true())
    return joined


def upsert(
    table: Table, *, key: Sequence[str], columns: Sequence[str], update: bool, rows: int = 1
) -> Upsert:
    """Inserts the columns, each a bound parameter of its name (with several rows: unnamed).

    Where a row has the same key, the other columns are updated, or with `update=False` it stays.
    """
    values: Any = {name: bindparam(name) for name in columns}
    if rows > 1:
        values = [{name: bindparam(f"{name}_{n}") for name in columns} for n in range(rows)]
    statement = Upsert(table).values(values).inline()
    statement.conflict_columns = tuple(key)
    statement.updated_columns = tuple(c for c in columns if c not in key) if update else ()
    return statement


def parameters(*names: str, **renamed: str) -> Mapping[str, Any]:
    """Bound parameters for the `values` of an insert or update: of equal names, or renamed."""
    return {name: bindparam(name) for name in names} | {
        column: bindparam(name) for column, name in renamed.items()
    }


def _in_list(column: ColumnElement[Any], values: ColumnElement[Any]) -> ColumnElement[bool]:
    return column.op("IN", is_comparison=True, return_type=Boolean())(values)


def _arguments(element: FunctionElement[Any], compiler: Any, **kw: Any) -> list[str]:
    return [compiler.process(clause, **kw) for clause in element.clauses]


@compiles(_IdList, "sqlite")
def _sqlite_ids(element: _IdList, compiler: Any, **kw: Any) -> str:
    return f"(SELECT value FROM json_each({_arguments(element, compiler, **kw)[0]}))"  # noqa: S608


@compiles(_IdList, "postgresql")
def _postgres_ids(element: _IdList, compiler: Any, **kw: Any) -> str:
    (ids,) = _arguments(element, compiler, **kw)
    return f"(SELECT value::bigint FROM json_array_elements_text({ids}::json))"  # noqa: S608


@compiles(_NameList, "sqlite")
def _sqlite_names(element: _NameList, compiler: Any, **kw: Any) -> str:
    (names,) = _arguments(element, compiler, **kw)
    return f"(SELECT CAST(value AS TEXT) FROM json_each({names}))"  # noqa: S608


@compiles(_NameList, "postgresql")
def _postgres_names(element: _NameList, compiler: Any, **kw: Any) -> str:
    (names,) = _arguments(element, compiler, **kw)
    return f"(SELECT value FROM json_array_elements_text({names}::json))"  # noqa: S608


@compiles(_JsonElements, "sqlite")
@compiles(_OrderedJsonElements, "sqlite")
def _sqlite_elements(element: FunctionElement[Any], compiler: Any, **kw: Any) -> str:
    return f"json_each({_arguments(element, compiler, **kw)[0]})"


@compiles(_JsonElements, "postgresql")
def _postgres_elements(element: _JsonElements, compiler: Any, **kw: Any) -> str:
    return f"json_array_elements_text({_arguments(element, compiler, **kw)[0]})"


@compiles(_OrderedJsonElements, "postgresql")
def _postgres_ordered_elements(element: _OrderedJsonElements, compiler: Any, **kw: Any) -> str:
    (ids,) = _arguments(element, compiler, **kw)
    return (
        "(SELECT value, ordinality AS key"  # noqa: S608
        f" FROM json_array_elements_text({ids}::json) WITH ORDINALITY)"
    )


@compiles(_JsonField, "sqlite")
def _sqlite_field(element: _JsonField, compiler: Any, **kw: Any) -> str:
    column, path = _arguments(element, compiler, **kw)
    return f"json_extract({column}, '$.{path}')"


@compiles(_JsonField, "postgresql")
def _postgres_field(element: _JsonField, compiler: Any, **kw: Any) -> str:
    column, path = _arguments(element, compiler, **kw)
    return f"({column} #>> '{{{path.replace('.', ',')}}}')"


@compiles(_JsonText, "sqlite")
def _sqlite_text(element: _JsonText, compiler: Any, **kw: Any) -> str:
    column, _, path = _arguments(element, compiler, **kw)
    value = _valid(column)
    return (
        f"(CASE json_type({value}, {path}) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false'"
        f" ELSE CAST(json_extract({value}, {path}) AS TEXT) END)"
    )


@compiles(_JsonNumber, "sqlite")
def _sqlite_number(element: _JsonNumber, compiler: Any, **kw: Any) -> str:
    column, _, path = _arguments(element, compiler, **kw)
    value = _valid(column)
    return (
        f"(CASE WHEN json_type({value}, {path}) IN ('integer', 'real')"
        f" THEN json_extract({value}, {path}) END)"
    )


def _valid(column: str) -> str:
    """The column, or an empty object where a damaged one has no JSON."""
    return f"CASE WHEN json_valid({column}) THEN {column} ELSE '{{}}' END"


@compiles(_JsonText, "postgresql")
def _postgres_text(element: _JsonText, compiler: Any, **kw: Any) -> str:
    column, field, _ = _arguments(element, compiler, **kw)
    return f"({column} ->> {field})"


@compiles(_JsonNumber, "postgresql")
def _postgres_number(element: _JsonNumber, compiler: Any, **kw: Any) -> str:
    column, field, _ = _arguments(element, compiler, **kw)
    # The text of a number in JSON is one of a number in SQL; other texts are not cast.
    return (
        f"(CASE WHEN ({column} ->> {field}) ~ '^-?[0-9]+(\\.[0-9]+)?([eE][-+]?[0-9]+)?$'"
        f" THEN ({column} ->> {field})::double precision END)"
    )


@compiles(_IsValidJson, "sqlite")
def _sqlite_is_valid(element: _IsValidJson, compiler: Any, **kw: Any) -> str:
    return f"json_valid({_arguments(element, compiler, **kw)[0]})"


@compiles(_IsValidJson, "postgresql")
def _postgres_is_valid(element: _IsValidJson, compiler: Any, **kw: Any) -> str:
    del element, compiler, kw
    return "true"


@compiles(_JsonAppend, "sqlite")
def _sqlite_append(element: _JsonAppend, compiler: Any, **kw: Any) -> str:
    column, value = _arguments(element, compiler, **kw)
    return f"json_insert({column}, '$[#]', {value})"


@compiles(_JsonAppend, "postgresql")
def _postgres_append(element: _JsonAppend, compiler: Any, **kw: Any) -> str:
    column, value = _arguments(element, compiler, **kw)
    return f"({column}::jsonb || to_jsonb({value}::text))::json"


@compiles(CrossJoin)
def _compile_cross_join(element: CrossJoin, compiler: Any, **kw: Any) -> str:
    kw["asfrom"] = True
    kw.pop("from_linter", None)
    return (
        f"{compiler.process(element.left, **kw)} CROSS JOIN {compiler.process(element.right, **kw)}"
    )


@compiles(Upsert)
def _compile_upsert(element: Upsert, compiler: Any, **kw: Any) -> str:
    conflict = f" ON CONFLICT ({', '.join(element.conflict_columns)}) DO "
    updates = ", ".join(f"{name} = excluded.{name}" for name in element.updated_columns)
    action = f"UPDATE SET {updates}" if updates else "NOTHING"
    return f"{compiler.visit_insert(element, **kw)}{conflict}{action}"
