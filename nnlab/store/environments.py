"""Environments of attempts: equal environments are stored once."""

import hashlib
from dataclasses import asdict

from sqlalchemy import select
from sqlalchemy.engine import Connection

from nnlab.records import Environment
from nnlab.store.constructs import upsert
from nnlab.store.driver_statement import DriverStatement
from nnlab.store.serialization import replace_invalid_unicode, to_json
from nnlab.store.tables import environment as table

_INSERT = DriverStatement(
    lambda: upsert(
        table,
        key=("fingerprint",),
        columns=[column.name for column in table.columns if column.name != "id"],
        update=False,
    )
)


def get_or_create_environment(connection: Connection, environment: Environment) -> int:
    """The id of the environment's row, which is inserted if it is new."""
    content = {
        name: replace_invalid_unicode(value) if isinstance(value, str) else value
        for name, value in asdict(environment).items()
    }
    content["packages"] = to_json(dict(environment.packages))
    fingerprint = hashlib.sha256(to_json(content).encode()).hexdigest()
    _INSERT.execute(connection, fingerprint=fingerprint, **content)
    environment_id: int = connection.execute(
        select(table.c.id).where(table.c.fingerprint == fingerprint)
    ).scalar_one()
    return environment_id
