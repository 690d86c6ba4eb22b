"""Every choice of a run, with default, limits, unit and help in one place.

`RunConfig` holds the fields; the command line's options, the keys of a TOML file and the stored
setting are all made from them.
"""

from nnlab.config.fields import RunConfig
from nnlab.config.identity import config_of, digest_of, setting_of
from nnlab.config.option import (
    Option,
    SettingField,
    catalogue_rows,
    default_for_setting,
    setting_fields,
)
from nnlab.config.parsing import parse_value
from nnlab.config.resolve import (
    OBJECTIVE_METRICS,
    VERSION_FIELDS,
    DataFacts,
    has_effect,
    hidden_widths,
    is_task_default,
    resolve,
)

__all__ = [
    "OBJECTIVE_METRICS",
    "VERSION_FIELDS",
    "DataFacts",
    "Option",
    "RunConfig",
    "SettingField",
    "catalogue_rows",
    "config_of",
    "default_for_setting",
    "digest_of",
    "has_effect",
    "hidden_widths",
    "is_task_default",
    "parse_value",
    "resolve",
    "setting_fields",
    "setting_of",
]
