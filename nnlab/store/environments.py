"""Environments: equal ones are stored once."""

import hashlib
from dataclasses import asdict

from sqlalchemy.engine import Connection

from nnlab.records import Environment
from nnlab.store.serialization import replace_invalid_unicode, to_json

_COLUMNS = (
    "hostname", "platform", "python", "torch", "nnlab", "packages",
    "device", "threads", "git_commit", "git_dirty", "git_diff",
)  # fmt: skip
_INSERT = (
    f"INSERT INTO environment (fingerprint, {', '.join(_COLUMNS)})"  # noqa: S608
    f" VALUES (?{', ?' * len(_COLUMNS)}) ON CONFLICT (fingerprint) DO NOTHING"
)


def get_or_create_environment(connection: Connection, environment: Environment) -> int:
    """The number of an environment's row, which is made where it is new."""
    content = {
        name: replace_invalid_unicode(value) if isinstance(value, str) else value
        for name, value in asdict(environment).items()
    }
    content["packages"] = to_json(dict(environment.packages))
    fingerprint = hashlib.sha256(to_json(content).encode()).hexdigest()
    connection.exec_driver_sql(_INSERT, (fingerprint, *(content[name] for name in _COLUMNS)))
    found: int = connection.exec_driver_sql(
        "SELECT id FROM environment WHERE fingerprint = ?", (fingerprint,)
    ).scalar_one()
    return found
