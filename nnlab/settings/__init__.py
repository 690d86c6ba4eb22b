"""Configuration of runs: fields with defaults, limits, units and help; parsing and resolution.

The options of the command line, the keys of TOML files and the stored settings are all derived
from the fields of `RunConfig`.
"""

from nnlab.settings.data_facts import DataFacts
from nnlab.settings.durations import parse_duration
from nnlab.settings.external import (
    ExternalName,
    ExternalSetting,
    as_stored_name,
    builtin_fields,
    is_builtin_setting,
    select_values,
)
from nnlab.settings.fields import RunConfig
from nnlab.settings.identity import config_of, digest_of, setting_of
from nnlab.settings.loader_runs import is_loader_run
from nnlab.settings.metric_list import (
    metric_direction,
    metric_directions,
    parse_metrics,
    without_metrics,
)
from nnlab.settings.option import Option
from nnlab.settings.parsing import BALANCED, parse_value
from nnlab.settings.plugin_versions import check_plugins, plugin_versions
from nnlab.settings.registry import (
    SettingField,
    build_config,
    catalogue_rows,
    default_for_setting,
    is_builtin_value,
    is_setting_name,
    setting_field,
    setting_fields,
)
from nnlab.settings.resolve import (
    CODE_VERSION_FIELDS,
    MEASUREMENT_FIELDS,
    VERSION_FIELDS,
    has_effect,
    hidden_widths,
    is_task_default,
    resolve,
)

__all__ = [
    "BALANCED",
    "CODE_VERSION_FIELDS",
    "MEASUREMENT_FIELDS",
    "VERSION_FIELDS",
    "DataFacts",
    "ExternalName",
    "ExternalSetting",
    "Option",
    "RunConfig",
    "SettingField",
    "as_stored_name",
    "build_config",
    "builtin_fields",
    "catalogue_rows",
    "check_plugins",
    "config_of",
    "default_for_setting",
    "digest_of",
    "has_effect",
    "hidden_widths",
    "is_builtin_setting",
    "is_builtin_value",
    "is_loader_run",
    "is_setting_name",
    "is_task_default",
    "metric_direction",
    "metric_directions",
    "parse_duration",
    "parse_metrics",
    "parse_value",
    "plugin_versions",
    "resolve",
    "select_values",
    "setting_field",
    "setting_fields",
    "setting_of",
    "without_metrics",
]
