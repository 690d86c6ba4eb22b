"""The store's SQL as PostgreSQL spells it, and values as the store expects them.

Nearly all of it is the same for both. What is not is rewritten here, once a statement, so that
each question is written, read and tested in one place.

>>> spelled("SELECT id FROM run WHERE seed = ? AND status = 'queued'")
"SELECT id FROM run WHERE seed = %s AND status = 'queued'"
"""

import math
import re
from functools import lru_cache
from typing import Any

from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader
from psycopg.types.numeric import FloatDumper

from nnlab.store.rows import ID_LIST

_JSON_ELEMENTS = "json_array_elements_text"
_REPLACEMENTS = (
    (ID_LIST, f"(SELECT value::bigint FROM {_JSON_ELEMENTS}(?::json))"),  # noqa: S608
    ("json_each(?) AS wanted", f"{_JSON_ELEMENTS}(?::json) WITH ORDINALITY AS wanted(value, key)"),
    ("json_each(?)", f"{_JSON_ELEMENTS}(?::json)"),
    ("json_each(run.tags)", f"{_JSON_ELEMENTS}(run.tags)"),
    ("json_insert(tags, '$[#]', ?)", "(tags::jsonb || to_jsonb(?::text))::json"),
    ("%", "%%"),
    ("?", "%s"),
)
# `json_extract(a.b, '$.x.y')`
_JSON_EXTRACT = re.compile(r"json_extract\(([\w.]+), '\$\.([\w.]+)'\)")
_JSON_VALID = re.compile(r"json_valid\([\w.]+\)")
# `IS NOT` between two columns compares NULLs as well.
_IS_NOT = re.compile(r"\bIS NOT (?=\w+\.\w)")
# What PostgreSQL alone needs stands in a comment, which SQLite passes by.
_POSTGRES_COMMENT = re.compile(r"/\* PostgreSQL: (.+?) \*/")


@lru_cache(maxsize=512)
def to_postgres_sql(sql: str) -> str:
    """A statement of the store's for psycopg."""
    sql = _POSTGRES_COMMENT.sub(r"\1", sql)
    # A column of JSON holds nothing else there.
    sql = _JSON_VALID.sub("true", sql)
    sql = _JSON_EXTRACT.sub(
        lambda found: f"({found[1]} #>> '{{{found[2].replace('.', ',')}}}')", sql
    )
    sql = _IS_NOT.sub("IS DISTINCT FROM ", sql)
    for ours, theirs in _REPLACEMENTS:
        sql = sql.replace(ours, theirs)
    return sql


class _TextLoader(Loader):
    """JSON and moments as the text that the store reads out of SQLite as well."""

    def load(self, data: Buffer) -> str:
        return bytes(data).decode()


class _NanAsNullDumper(FloatDumper):
    """NaN is NULL, as SQLite's driver binds it."""

    def dump(self, obj: Any) -> Buffer | None:
        return None if math.isnan(obj) else super().dump(obj)


def register_adapters(connection: AdaptContext) -> None:
    """Makes a connection of psycopg's give and take values as SQLite's driver does."""
    adapters = connection.adapters
    assert adapters is not None
    for kind in ("json", "timestamptz"):
        adapters.register_loader(kind, _TextLoader)
    adapters.register_dumper(float, _NanAsNullDumper)
