"""Describes the keys and the groups of a Hydra configuration as flags `key=value`."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any

from .report import Record, choice_texts, flag_record, kind_of_type, kind_of_value, scalar


def describe_hydra(hydra: Any, config_name: str | None) -> Record:
    """The keys of the composed configuration without overrides, and the groups of choices."""
    from hydra.types import RunMode  # type: ignore[import-not-found,unused-ignore]

    config = hydra.compose_config(
        config_name=config_name,
        overrides=[],
        run_mode=RunMode.RUN,
        with_log_configuration=False,
    )
    flags = [*_group_flags(hydra, config), *_key_flags(config)]
    return {"flags": flags, "subcommands": [], "requires_subcommand": False}


def _group_flags(hydra: Any, config: Any) -> Iterator[Record]:
    """One flag for each group of the defaults list: `optimizer=adam`."""
    choices = getattr(config.hydra.runtime, "choices", None) or {}
    for name, choice in choices.items():
        if not str(name).startswith("hydra/"):
            options = hydra.config_loader.get_group_options(str(name))
            yield flag_record(
                str(name),
                [str(name)],
                kind="choice",
                default=scalar(choice),
                choices=choice_texts(options),
                help="group of configurations",
            )


def _key_flags(config: Any) -> Iterator[Record]:
    for name in config:
        if name != "hydra":
            yield from _node_flags(config, name, str(name))


def _node_flags(parent: Any, key: Any, path: str) -> Iterator[Record]:
    """The flags of a key and of those below it; a list is one flag."""
    from omegaconf import OmegaConf  # type: ignore[import-not-found,unused-ignore]

    node = parent._get_node(key)
    is_missing = OmegaConf.is_missing(parent, key)
    value: Any = None if is_missing else _resolved(parent, key)
    if OmegaConf.is_dict(value) and not OmegaConf.is_interpolation(parent, key):
        for name in value:
            yield from _node_flags(value, name, f"{path}.{name}")
        return
    yield flag_record(
        path,
        [path],
        required=is_missing,
        default=scalar(list(value) if OmegaConf.is_list(value) else value),
        **_type_attributes(node, value, is_list=OmegaConf.is_list(node)),
    )


def _resolved(parent: Any, key: Any) -> Any:
    """The value of a key; None if its interpolation cannot be resolved."""
    try:
        return parent[key]
    except Exception:  # noqa: BLE001 - resolvers are functions of the script
        return None


def _type_attributes(node: Any, value: Any, *, is_list: bool) -> Record:
    if is_list:
        return {"kind": "any", "takes": "several"}
    declared = node._metadata.ref_type
    if isinstance(declared, type) and issubclass(declared, Enum):
        return {"kind": "choice", "choices": [member.name for member in declared]}
    kind = kind_of_type(declared) or kind_of_value(value)
    if kind == "any" and isinstance(value, str):
        kind = "str"
    return {"kind": kind, "boolean": "value" if kind == "bool" else None}
