"""Conversions of psycopg's values: the store reads and binds the same values as in SQLite."""

import math
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.types.numeric import FloatDumper


class _TextLoader(Loader):
    """Returns JSON and timestamps as text, which is what the store reads from SQLite."""

    def load(self, data: Buffer) -> str:
        return bytes(data).decode()


class _NanAsNullDumper(FloatDumper):
    """Binds NaN as NULL, as SQLite's driver does."""

    def dump(self, obj: Any) -> Buffer | None:
        return None if math.isnan(obj) else super().dump(obj)


def register_adapters(connection: psycopg.Connection[Any]) -> None:
    """Makes a psycopg connection return and bind values as SQLite's driver does."""
    adapters = connection.adapters
    for kind in ("json", "timestamptz"):
        adapters.register_loader(kind, _TextLoader)
    adapters.register_dumper(float, _NanAsNullDumper)
