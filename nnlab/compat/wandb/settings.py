"""The arguments of `wandb.init` and the WANDB_ variables of the environment, as those of nnlab."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnlab.compat.named_runs import Resume
from nnlab.tracking.config_values import config_mapping
from nnlab.tracking.notes import note_once


class WandbSettings:
    """`wandb.Settings`: its fields are arguments of `init`; nnlab ignores the others."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None


def setting(name: str, argument: Any, settings: Any) -> Any:
    """An argument of `init`, or else the field of its settings, or else the environment.

    Args:
        name: the name in the environment without WANDB_, in lower case, such as `run_group`.
        argument: the argument of `init`.
        settings: a `WandbSettings` or a mapping.
    """
    if argument is not None:
        return argument
    fields = settings if isinstance(settings, Mapping) else getattr(settings, "__dict__", {})
    value = fields.get(name)
    return value if value is not None else os.environ.get(f"WANDB_{name.upper()}") or None


def is_disabled(mode: str | None) -> bool:
    """Whether the mode or the environment turns recording off; offline is as online in nnlab."""
    mode = mode or os.environ.get("WANDB_MODE")
    return mode in ("disabled", "dryrun-disabled") or os.environ.get(
        "WANDB_DISABLED", ""
    ).lower() in ("1", "true", "yes")


def resume_mode(resume: object) -> Resume | None:
    """The value of `resume` for nnlab; None starts a new run.

    >>> resume_mode(True), resume_mode("must"), resume_mode("auto"), resume_mode(False)
    ('allow', 'must', 'allow', None)
    """
    if resume in (True, "allow", "auto", "true"):
        return "allow"
    if resume == "must":
        return "must"
    return "never" if resume == "never" else None


def tag_list(tags: str | Sequence[str] | None) -> tuple[str, ...]:
    """The tags of a sequence, or of a text with commas.

    >>> tag_list("a,b"), tag_list(("a",)), tag_list(None)
    (('a', 'b'), ('a',), ())
    """
    if isinstance(tags, str):
        return tuple(tag.strip() for tag in tags.split(",") if tag.strip())
    return tuple(str(tag) for tag in tags or ())


def read_config(config: Any, include: Sequence[str] | None, exclude: Sequence[str] | None) -> Any:
    """The config without the excluded names; a text is the path of a YAML file."""
    if config is None:
        return {}
    if isinstance(config, str):
        config = _read_yaml(config)
    values = config_mapping(config)
    return {
        name: value
        for name, value in values.items()
        if (include is None or name in include) and name not in (exclude or ())
    }


def _read_yaml(path: str) -> Mapping[str, Any]:
    try:
        import yaml
    except ImportError:
        note_once(f"the config {path} is not recorded: `pip install pyyaml` to read YAML")
        return {}
    content = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    return {
        str(name): value["value"] if isinstance(value, dict) and "value" in value else value
        for name, value in content.items()
    }


def in_notebook() -> bool:
    """Whether the program is a notebook, where `init` ends the run before it."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get_ipython() if callable(get_ipython) else None
    return type(shell).__name__ == "ZMQInteractiveShell"
