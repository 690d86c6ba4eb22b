"""The arms of a study in a TOML file: each is a space that adds its own keys to the shared ones.

opt = "adam"

[[arm]]
name = "deep"
depth = 8

An arm with `start_from = "pretrain"` starts from the weights of the runs that a `[pretrain]`
table describes. Those runs are trained first; each seed starts from the run of the same seed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from nnlab.errors import ConfigError, unknown_key_message
from nnlab.objective import Scalar
from nnlab.settings import is_setting_name, setting_fields
from nnlab.settings.arguments import ARGUMENT_COMPONENTS
from nnlab.settings.space import Space
from nnlab.study.device_arms import REQUIRES_KEY

PRETRAIN_KEY = "pretrain"

# Keys that are written like an option whose field has another name.
_KEY_ALIASES = {"from": "start_from", "output": "model_output"}


def table_fields(table: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a table by field: dashes become underscores, and `from` is `start_from`.

    A table such as `model = {width = 8}` or `model.width = 8` sets the argument `model.width`.
    """
    fields = {key.replace("-", "_"): value for key, value in table.items()}
    for key, name in _KEY_ALIASES.items():
        if key in fields:
            fields[name] = fields.pop(key)
    for component in ARGUMENT_COMPONENTS:
        if isinstance(fields.get(component), dict):
            for name, value in fields.pop(component).items():
                fields[f"{component}.{name.replace('-', '_')}"] = value
    return fields


def pretrain_study_name(study: str) -> str:
    """The name of the study (and of the runs) that a `[pretrain]` table describes."""
    return f"{study}/{PRETRAIN_KEY}"


def pretrain_settings(
    content: Mapping[str, Any], overrides: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The settings of the `[pretrain]` table of a file, which shares nothing with the arms.

    Args:
        content: the whole file.
        overrides: settings of the command line, which take precedence.
    """
    table = content.get(PRETRAIN_KEY)
    return None if table is None else table_fields(table) | dict(overrides)


def arm_settings(
    content: Mapping[str, Any],
    shared: Mapping[str, Any],
    overrides: Mapping[str, Any],
    study: str | None,
) -> dict[str, dict[str, Any]]:
    """The complete settings of each arm, by its name.

    Args:
        content: the whole file.
        shared: settings that all arms share.
        overrides: settings of the command line, which take precedence.
        study: the name of the study.

    Raises:
        ConfigError: an arm has no name, the name of another arm, or unknown keys.
    """
    problems: list[str] = []
    arms: dict[str, dict[str, Any]] = {}
    tables = content.get("arm", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigError(["arms are written as [[arm]] tables"])
    fields = set(setting_fields()) - {"seed"}
    for number, table in enumerate(tables, start=1):
        settings = table_fields(table)
        name = settings.pop("name", None)
        settings.pop(REQUIRES_KEY, None)
        if not isinstance(name, str) or not name or name in arms:
            problems.append(f"arm {number} needs a name of its own, got {name!r}")
            continue
        problems += [
            f"arm {name}: {unknown_key_message('key', key, fields)}"
            for key in settings
            if not is_setting_name(key)
        ]
        arms[name] = _resolve_pretrain(dict(shared) | settings | dict(overrides), content, study)
    problems += [
        f"[[{key}]] compares arms, and there is no [[arm]]"
        for key in ("decide", "subclaim")
        if key in content and not arms
    ]
    problems += [
        f"[{key}] belongs to a claim, and there is no [[decide]]"
        for key in ("pilot", "[published]", "[subclaim]")
        if key.strip("[]") in content and "decide" not in content
    ]
    if problems:
        raise ConfigError(problems)
    return arms


def _resolve_pretrain(
    settings: dict[str, Any], content: Mapping[str, Any], study: str | None
) -> dict[str, Any]:
    """The settings of an arm, with `start_from = "pretrain"` replaced by the name of those runs."""
    if PRETRAIN_KEY in content and settings.get("start_from") == PRETRAIN_KEY:
        return settings | {"start_from": pretrain_study_name(study or "")}
    return settings


def merge_spaces(spaces: Sequence[Space]) -> Space:
    """All values of every field in any of the spaces."""
    merged: dict[str, dict[Scalar, None]] = {}
    for space in spaces:
        for name, values in space.items():
            merged.setdefault(name, {}).update(dict.fromkeys(values))
    return {name: tuple(values) for name, values in merged.items()}
