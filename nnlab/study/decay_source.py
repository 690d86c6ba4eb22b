"""Arms whose decay is proposed by find-decay: `decay = "find-decay"` in their table.

[find-decay]
seeds = "90..94"

[[arm]]
name = "found"
decay = "find-decay"

The `[find-decay]` table describes runs without decay. It adds its keys to the shared ones, and its
runs are trained first, with seeds of their own. Each trial of the arm is a setting of these runs
with the steps that find-decay proposes for them. A setting whose loss is still falling keeps its
constant learning rate, as find-decay advises.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nnlab.errors import ConfigError, unknown_key_message
from nnlab.settings import is_setting_name, setting_fields
from nnlab.settings.space import parse_seeds
from nnlab.study.arms import table_fields
from nnlab.study.device_arms import REQUIRES_KEY

FIND_DECAY_KEY = "find_decay"
# The value of `decay` of an arm.
FOUND_DECAY = "find-decay"


@dataclass(frozen=True, slots=True)
class DecaySource:
    """The runs without decay that find-decay looks at, and the arms that decay as it proposes.

    Attributes:
        study: the name of the study of these runs.
        settings: their settings, as typed.
        seeds: their seeds.
        arms: the names of the arms.
    """

    study: str
    settings: Mapping[str, Any]
    seeds: tuple[int, ...]
    arms: tuple[str, ...]


def parse_decay_source(
    content: Mapping[str, Any],
    arms: Mapping[str, Mapping[str, Any]],
    shared: Mapping[str, Any],
    overrides: Mapping[str, Any],
    study: str | None,
) -> DecaySource | None:
    """The `[find-decay]` table of a file; None if no arm needs it.

    Args:
        content: the whole file.
        arms: the complete settings of each arm, by its name.
        shared: settings that all arms share.
        overrides: settings of the command line, which take precedence.
        study: the name of the study.

    Raises:
        ConfigError: the table is missing or not valid, or an arm also requires a device.
    """
    found = tuple(name for name, values in arms.items() if values.get("decay") == FOUND_DECAY)
    if not found:
        _check_is_needed(content)
        return None
    tables = {table.get("name"): table for table in content["arm"]}
    if both := [name for name in found if REQUIRES_KEY in tables[name]]:
        raise ConfigError(
            [f'arm {both[0]}: {REQUIRES_KEY} and decay = "{FOUND_DECAY}" exclude each other']
        )
    table = content.get(FIND_DECAY_KEY)
    if not isinstance(table, dict) or "seeds" not in table:
        raise ConfigError(
            [f'arm {found[0]}: decay = "{FOUND_DECAY}" needs a table [{FOUND_DECAY}] with seeds']
        )
    own = table_fields(table)
    seeds = parse_seeds(own.pop("seeds"))
    if unknown := [key for key in own if not is_setting_name(key)]:
        fields = set(setting_fields()) - {"seed"}
        raise ConfigError(
            [f"[{FOUND_DECAY}]: {unknown_key_message('key', key, fields)}" for key in unknown]
        )
    settings = dict(shared) | own | dict(overrides) | {"decay": "none"}
    return DecaySource(f"{study}/{FOUND_DECAY}", settings, seeds, found)


def _check_is_needed(content: Mapping[str, Any]) -> None:
    # The command line may replace the decay of the arms, which is no mistake in the file.
    arms = content.get("arm", ())
    if FIND_DECAY_KEY in content and not any(arm.get("decay") == FOUND_DECAY for arm in arms):
        raise ConfigError([f'[{FIND_DECAY_KEY}]: no arm has decay = "{FOUND_DECAY}"'])


def without_found_decays(
    arms: Mapping[str, Mapping[str, Any]],
) -> dict[str, Mapping[str, Any]]:
    """The settings of the arms, with the decay that is not known yet replaced by none."""
    return {
        name: {**settings, "decay": "none"} if settings.get("decay") == FOUND_DECAY else settings
        for name, settings in arms.items()
    }
