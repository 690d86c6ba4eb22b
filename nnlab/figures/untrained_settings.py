"""Expands and checks settings that are drawn without training, for `plot lr` and `plot init`."""

from collections.abc import Mapping
from typing import Any

from nnlab.config.space import TrialSpec, expand_space, parse_space
from nnlab.engine.data import facts_of
from nnlab.engine.versions import file_versions


def expand_settings(settings: Mapping[str, Any]) -> tuple[TrialSpec, ...]:
    """All combinations of the settings, as trials; each setting is a text or a list of values.

    Raises:
        ConfigError: invalid settings.
    """
    return expand_space(parse_space(settings), facts_of, versions=file_versions)
