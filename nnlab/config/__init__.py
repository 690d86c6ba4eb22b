"""Every choice of a run, with default, limits, unit and help in one place.

`RunConfig` holds the fields; the command line's options, the keys of a TOML file and the stored
setting are all made from them.
"""

from nnlab.config.fields import RunConfig
from nnlab.config.identity import config_of, digest_of, setting_of
from nnlab.config.option import Choosable, Option, choosables, default_in, rows_of
from nnlab.config.parsing import parse_value
from nnlab.config.resolving import (
    SELECTABLE,
    VERSIONS,
    DataFacts,
    follows_from_task,
    matters,
    resolve,
    widths_of,
)

__all__ = [
    "SELECTABLE",
    "VERSIONS",
    "Choosable",
    "DataFacts",
    "Option",
    "RunConfig",
    "choosables",
    "config_of",
    "default_in",
    "digest_of",
    "follows_from_task",
    "matters",
    "parse_value",
    "resolve",
    "rows_of",
    "setting_of",
    "widths_of",
]
