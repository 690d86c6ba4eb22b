"""Stored settings and their digest, which identifies a trial; used by the study and the workers."""

import hashlib
import json
from dataclasses import fields

from nnlab.errors import ConfigError
from nnlab.objective import Setting
from nnlab.settings.arguments import is_argument
from nnlab.settings.earlier_settings import implied_value, with_earlier_values
from nnlab.settings.external import is_builtin_setting
from nnlab.settings.fields import RunConfig
from nnlab.settings.registry import (
    build_config,
    is_builtin_value,
    setting_fields,
)
from nnlab.settings.resolve import fill_defaults

# The fields of a setting in the first release. A field added later is excluded from the digest if
# it has the value that a run had before the field existed, so that settings stored before it keep
# their digest: its default, or the earlier value that its catalogue row names.
# fmt: off
_FIRST_RELEASE_FIELDS = frozenset((
    "data", "inputs", "val_fraction", "test_fraction", "split_seed", "data_version", "model",
    "width", "depth", "activation", "init", "norm", "dropout", "loss", "opt", "lr", "momentum",
    "beta1", "beta2", "weight_decay", "clip", "decay", "decay_rate", "decay_every",
    "decay_factor", "warmup", "batch_size", "epochs", "early_stop", "objective", "exact_train",
    "device", "dtype",
))
# fmt: on


# Fields that never change the result of a run.
_EXECUTION_DETAILS = frozenset(("loader_workers",))


def setting_of(config: RunConfig) -> Setting:
    """All fields of a resolved config that have an effect, except the seed: what a trial stores."""
    values = {field.name: getattr(config, field.name) for field in fields(config)}
    values |= dict(values.pop("arguments"))
    return {name: value for name, value in values.items() if name != "seed" and value is not None}


def config_of(setting: Setting, seed: int) -> RunConfig:
    """The config that a stored setting and a seed describe.

    Raises:
        ConfigError: the setting has a field that this version does not define.
    """
    field_names = {field.name for field in fields(RunConfig)} - {"arguments"}
    unknown = sorted(name for name in setting if name not in field_names and not is_argument(name))
    if unknown:
        raise ConfigError(
            [
                f"the stored setting has '{name}', which this version does not know"
                for name in unknown
            ],
            hint="a newer nnlab made this trial; upgrade nnlab to train it",
        )
    complete = with_earlier_values(setting)
    return fill_defaults(build_config({**complete, "seed": seed}), is_stored=True)


def digest_of(setting: Setting) -> str:
    """The digest of a setting: 16 hex digits of the SHA-256 of its fields that have an effect.

    Every value of a setting of another program may have an effect.

    >>> digest_of({"lr": 0.1, "momentum": None}) == digest_of({"lr": 0.1})
    True
    >>> digest_of({"lr": 0.1, "l1": 0.0}) == digest_of({"lr": 0.1})
    True
    """
    is_builtin = is_builtin_setting(setting)
    identity = {
        name: value
        for name, value in setting.items()
        if not is_builtin or _affects_digest(name, setting)
    }
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _affects_digest(name: str, setting: Setting) -> bool:
    value = setting[name]
    if value is None or name in _EXECUTION_DETAILS:
        return False
    if name in _FIRST_RELEASE_FIELDS or name not in setting_fields():
        return True
    kind = setting_fields()[name].option.default_from
    if kind is not None and not is_builtin_value(kind, setting.get(kind)):
        return True  # the defaults of a plugin may change, and it may not be installed any more
    has_effect, implied = implied_value(name, setting)
    return not (has_effect and value == implied)
