"""Settings that nothing is trained of: those typed, multiplied out and checked."""

from collections.abc import Mapping
from typing import Any

from nnlab.config.space import Point, expand, parse_space
from nnlab.engine.data import facts
from nnlab.engine.user_code import model_version


def points_of(settings: Mapping[str, Any]) -> tuple[Point, ...]:
    """The trials of settings by field, each as text or a list.

    Raises:
        ConfigError: settings that do not hold.
    """
    return expand(parse_space(settings), facts, model_version=model_version)
