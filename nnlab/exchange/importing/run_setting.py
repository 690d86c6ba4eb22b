"""The setting of a logged run: its configuration with flat names, without what is not a choice."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nnlab.exchange.importing.seed_source import SeedSource, storable_seed
from nnlab.exchange.log_reader import JsonValue, RunDetails
from nnlab.exchange.seed_of_config import is_seed_name, seed_of_config
from nnlab.io.redaction import MASK, is_secret_name
from nnlab.metric_names import normalize_name
from nnlab.records import Scalar

# Where and when a run was executed. Two seeds of one configuration differ in these, too.
_PLACES_AND_TIMES = frozenset({
    "output_dir", "logging_dir", "log_dir", "logdir", "save_dir", "save_path", "checkpoint_dir",
    "ckpt_dir", "run_name", "run_id", "runid", "exp_id", "wandb_run_id", "mlflow_run_id", "job_id",
    "slurm_job_id", "timestamp", "start_time", "hostname", "pid", "local_rank", "wandb_version",
})  # fmt: skip
# A part of a run's name such as `lr=0.1`, as Hydra names folders.
_ASSIGNMENT = re.compile(r"[A-Za-z_][\w.-]*=\S+")
_DATE_OR_TIME = re.compile(r"\d{4}-\d\d-\d\d|\d\d-\d\d-\d\d")
_MAX_NAME = 500


@dataclass(frozen=True, slots=True)
class LoggedSetting:
    """The setting and seed of a logged run.

    `setting` is flat with dotted names, and None if the log has no configuration (`--seed-from` and
    the run's name may then say more). `left_out` are names that say only where and when it ran.
    """

    setting: dict[str, Scalar] | None
    nested: dict[str, Any] | None
    seed: int | None
    left_out: tuple[str, ...] = ()


def setting_of_details(
    details: RunDetails, name: str, source: SeedSource | None, *, is_partial: bool = False
) -> LoggedSetting:
    """The setting and the seed that a log states.

    Args:
        details: what the log says about the run.
        name: the name of the run, which distinguishes runs without a configuration.
        source: where the seed is; None looks for the usual names in the configuration.
        is_partial: whether the configuration lacks choices, so that the name is needed too.
    """
    rest, seed = (name, None) if source is None else source.split_name(name)
    of_name = _setting_of_name(rest, seed, details, source)
    if not details.config:
        return of_name
    flat = flatten(details.config)
    if source is not None and source.key is not None:
        seed = storable_seed(flat.get(source.key))
    if seed is None:
        seed = storable_seed(details.seed)
    if seed is None:
        seed = storable_seed(seed_of_config(details.config))
    if seed is None and is_partial:
        seed = of_name.seed
    setting: dict[str, Scalar] = {}
    left_out = []
    for key, value in flat.items():
        if _is_seed(key, value, seed, source):
            continue
        if normalize_name(key.rpartition(".")[2]) in _PLACES_AND_TIMES or key.startswith("_wandb"):
            left_out.append(key)
            continue
        setting[key] = value
    nested = _masked(details.config)
    if is_partial:
        setting |= of_name.setting or {}
    return LoggedSetting(setting, nested, seed, tuple(left_out))


def flatten(config: Mapping[str, JsonValue], prefix: str = "") -> dict[str, Scalar]:
    """A configuration with dotted names; lists are JSON text, and secrets are masked.

    >>> flatten({"lr": 0.1, "model": {"layers": 12, "sizes": [1, 2]}})
    {'lr': 0.1, 'model.layers': 12, 'model.sizes': '[1, 2]'}
    """
    flat: dict[str, Scalar] = {}
    for key, value in config.items():
        name = f"{prefix}{key}"
        if is_secret_name(str(key)):
            flat[name] = MASK
        elif isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{name}.")
        elif value is None or isinstance(value, str | int | float):
            flat[name] = str(value) if isinstance(value, float) and not _finite(value) else value
        else:
            flat[name] = json.dumps(_plain(value))
    return flat


def _setting_of_name(
    name: str, seed: int | None, details: RunDetails, source: SeedSource | None
) -> LoggedSetting:
    """The setting of a run without a configuration, from its name and the seed in it.

    Without it, all such runs of a study would be seeds of one trial.
    """
    setting: dict[str, Scalar] = {}
    rest = []
    for part in re.split(r"[/,\s]+", name[:_MAX_NAME]):
        if _ASSIGNMENT.fullmatch(part):
            key, _, text = part.partition("=")
            setting[key.lstrip("+-")] = _parse_scalar(text)
        elif part and not _DATE_OR_TIME.fullmatch(part):
            rest.append(part)
    if not setting:
        rest = [name]
    if source is not None and source.key is not None:
        seed = storable_seed(setting.get(source.key))
    if seed is None:
        seed = storable_seed(details.seed)
    if seed is None:
        seed = storable_seed(seed_of_config(setting))
    setting = {
        key: value for key, value in setting.items() if not _is_seed(key, value, seed, source)
    }
    if rest:
        setting["run"] = "/".join(rest)
    return LoggedSetting(setting, None, seed)


def _is_seed(key: str, value: Scalar, seed: int | None, source: SeedSource | None) -> bool:
    """Whether a value is the seed of the run rather than a choice of its setting."""
    if source is not None and source.key == key:
        return True
    return seed is not None and is_seed_name(key) and storable_seed(value) == seed


def _parse_scalar(text: str) -> Scalar:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, float) and not _finite(value):
        return text
    return value if value is None or isinstance(value, str | int | float) else text


def _finite(value: float) -> bool:
    return math.isfinite(value)


def _plain(value: JsonValue) -> Any:
    """A value of JSON without NaN and infinities."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, float) and not _finite(value) else value


def _masked(config: Mapping[str, JsonValue]) -> dict[str, Any]:
    """The nested configuration with masked secrets."""
    masked: dict[str, Any] = {}
    for key, value in config.items():
        if is_secret_name(str(key)):
            masked[str(key)] = MASK
        else:
            masked[str(key)] = _masked(value) if isinstance(value, Mapping) else _plain(value)
    return masked
