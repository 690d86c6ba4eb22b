"""Expands and checks settings that are drawn without training, for `plot lr` and `plot init`."""

from collections.abc import Mapping
from typing import Any

from nnlab.engine.data import facts_of
from nnlab.engine.signatures import find_signature
from nnlab.engine.versions import file_versions
from nnlab.settings.space import TrialSpec, expand_space, parse_space


def expand_settings(settings: Mapping[str, Any]) -> tuple[TrialSpec, ...]:
    """All combinations of the settings, as trials; each setting is a text or a list of values.

    They are in the order of the names of the settings, as a figure file stores them.

    Raises:
        ConfigError: invalid settings.
    """
    return expand_space(
        parse_space(dict(sorted(settings.items())), signatures=find_signature),
        facts_of,
        versions=file_versions,
        signatures=find_signature,
    )
