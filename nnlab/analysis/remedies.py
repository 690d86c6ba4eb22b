"""Settings with remedies, and the fields that must be typed to get a setting."""

from collections.abc import Iterable, Sequence

from nnlab import store
from nnlab.catalogue import is_user_code
from nnlab.catalogue.tasks import DEFINED_BY_TASK
from nnlab.diagnosis.remedies import Remedy
from nnlab.engine.data import facts_of
from nnlab.engine.versions import file_versions
from nnlab.errors import ConfigError, PluginError, UnknownName, UserCodeRefused
from nnlab.objective import Setting
from nnlab.settings import (
    RunConfig,
    build_config,
    default_for_setting,
    digest_of,
    is_builtin_value,
    is_setting_name,
    resolve,
    setting_field,
    setting_fields,
    setting_of,
)
from nnlab.settings.arguments import is_argument
from nnlab.settings.user_task import TASK_DEFINITIONS

CONTROL_ARM = "control"
# Fields that users rarely set, because their defaults follow from the data.
_FIELDS_FILLED_BY_DATA = ("loss", "objective", "test_fraction", "model", "inputs", "task")


def remedy_settings(setting: Setting, remedies: Sequence[Remedy]) -> dict[str, Setting]:
    """The settings to train, by remedy name; remedies that the setting cannot have are left out."""
    settings = {CONTROL_ARM: setting}
    for remedy in remedies:
        try:
            changed = apply_remedy(setting, remedy)
        except ConfigError:
            continue
        if changed not in settings.values():
            settings[remedy.name] = changed
    return settings


def remedy_run_specs(settings: Iterable[Setting], seeds: Sequence[int]) -> list[store.RunSpec]:
    """The runs of all settings with the same seeds."""
    return [
        store.RunSpec(setting, digest_of(setting), seed, int(str(setting["epochs"])))
        for seed in seeds
        for setting in settings
    ]


def apply_remedy(setting: Setting, remedy: Remedy) -> Setting:
    """A setting with a remedy's changes; fields that depend on a changed field get their default.

    Raises:
        ConfigError: the changed setting is invalid.
    """
    changed = [name for name in remedy.changes if setting.get(name) != remedy.changes[name]]
    kept = {
        name: value
        for name, value in setting.items()
        if is_setting_name(name) and setting_field(name).option.default_from not in changed
    }
    # The learning rate is kept, whether it was tuned or is the optimizer's default.
    config = build_config({**kept, **remedy.changes})
    return _resolve_setting(config, setting)


def minimal_fields(setting: Setting) -> list[str]:
    """The fields that must be typed to get a setting; all others follow from them.

    The defaults of some fields depend on the data. If the data come from user code that must not
    be executed now (`nnlab.engine.user_code`), these fields are always included.
    """
    required = [
        name
        for name in setting_fields()
        if name in setting
        and name != "seed"
        and not _is_default(name, setting)
        and not (setting[name] == DEFINED_BY_TASK and name in TASK_DEFINITIONS)
    ]
    required += sorted(name for name in setting if is_argument(name))
    if is_user_code("task", str(setting.get("task"))):
        return required  # a command that shows a setting does not execute the task
    for name in _FIELDS_FILLED_BY_DATA:
        others = [field for field in required if field != name]
        if name in required and _resolves_to(setting, others):
            required = others
    return required


def _is_default(name: str, setting: Setting) -> bool:
    """Whether a field has the default that follows from built-in choices; plugins may change."""
    kind = setting_fields()[name].option.default_from
    if kind is not None and not is_builtin_value(kind, setting.get(kind)):
        return False
    return bool(setting[name] == default_for_setting(name, setting)[1])


def _resolves_to(setting: Setting, names: Sequence[str]) -> bool:
    try:
        return _resolve_fields(setting, names) == setting
    except (PluginError, UnknownName, UserCodeRefused):
        return False


def _resolve_fields(setting: Setting, names: Sequence[str]) -> Setting:
    config = build_config({name: setting[name] for name in names})
    return _resolve_setting(config, setting)


def _resolve_setting(config: RunConfig, setting: Setting) -> Setting:
    version = setting.get("start_version")
    resolved = resolve(
        config,
        facts_of(config),
        versions=file_versions(config),
        start_version=None if version is None else str(version),
    )
    return setting_of(resolved)
