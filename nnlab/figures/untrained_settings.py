"""Settings that nothing is trained of: those typed, multiplied out and checked."""

from collections.abc import Mapping
from typing import Any

from nnlab.config.space import TrialSpec, expand_space, parse_space
from nnlab.engine.data import dataset_facts
from nnlab.engine.user_code import model_version


def expand_settings(settings: Mapping[str, Any]) -> tuple[TrialSpec, ...]:
    """The trials of settings by field, each as text or a list.

    Raises:
        ConfigError: settings that do not hold.
    """
    return expand_space(parse_space(settings), dataset_facts, model_version=model_version)
