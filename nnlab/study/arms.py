"""The arms of a study in a TOML file: each is a space of its own on top of what all share.

opt = "adam"

[[arm]]
name = "deep"
depth = 8

An arm with `start_from = "pretrain"` begins with the weights of the runs that a `[pretrain]`
table describes; they are trained first, and each seed takes those of its own.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from nnlab.config import setting_fields
from nnlab.config.space import Space
from nnlab.errors import ConfigError, unknown_key_message
from nnlab.objective import Scalar

PRETRAIN_KEY = "pretrain"


def table_fields(table: Mapping[str, Any]) -> dict[str, Any]:
    """A table's keys as fields: dashes as underscores, and `from` as the field it stands for."""
    fields = {key.replace("-", "_"): value for key, value in table.items()}
    if "from" in fields:
        fields["start_from"] = fields.pop("from")
    return fields


def pretrain_study_name(study: str) -> str:
    """What the study and the runs of its `[pretrain]` table are called."""
    return f"{study}/{PRETRAIN_KEY}"


def pretrain_settings(given: Mapping[str, Any], typed: Mapping[str, Any]) -> dict[str, Any] | None:
    """The settings of a `[pretrain]` table, which shares nothing with the arms."""
    table = given.get(PRETRAIN_KEY)
    return None if table is None else table_fields(table) | dict(typed)


def arm_settings(
    given: Mapping[str, Any], base: Mapping[str, Any], typed: Mapping[str, Any], study: str | None
) -> dict[str, dict[str, Any]]:
    """The settings of each arm, whole: what all share, its own, and over both what was typed.

    Raises:
        ConfigError: arms without a name, or with that of another, or keys that are none.
    """
    problems: list[str] = []
    arms: dict[str, dict[str, Any]] = {}
    tables = given.get("arm", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigError(["arms are written as [[arm]] tables"])
    for number, table in enumerate(tables, start=1):
        own = table_fields(table)
        name = own.pop("name", None)
        if not isinstance(name, str) or not name or name in arms:
            problems.append(f"arm {number} needs a name of its own, got {name!r}")
            continue
        known = set(setting_fields()) - {"seed"}
        problems += [
            f"arm {name}: {unknown_key_message('key', key, known)}"
            for key in own
            if key not in known
        ]
        arms[name] = _resolve_pretrain(dict(base) | own | dict(typed), given, study)
    if "decide" in given and not arms:
        problems.append("[[decide]] compares arms, and there is no [[arm]]")
    if problems:
        raise ConfigError(problems)
    return arms


def _resolve_pretrain(
    settings: dict[str, Any], given: Mapping[str, Any], study: str | None
) -> dict[str, Any]:
    if PRETRAIN_KEY in given and settings.get("start_from") == PRETRAIN_KEY:
        return settings | {"start_from": pretrain_study_name(study or "")}
    return settings


def merge_spaces(spaces: Sequence[Space]) -> Space:
    """All values of every field in any of the spaces."""
    found: dict[str, dict[Scalar, None]] = {}
    for space in spaces:
        for name, values in space.items():
            found.setdefault(name, {}).update(dict.fromkeys(values))
    return {name: tuple(values) for name, values in found.items()}
