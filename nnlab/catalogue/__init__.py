"""The immutable tables of available choices (optimizers, models, data sets, ...), without torch.

A row has the name of a choice, a one-line description, its source, and the options that apply to
it with their defaults. The implementation is in the engine under the same name; a test checks
that both match. Completion, `nnlab choices` and the validation of settings read only these
tables, so that they start fast.
"""

from collections.abc import Mapping

from nnlab.catalogue.activations import ACTIVATIONS
from nnlab.catalogue.augments import AUGMENTS
from nnlab.catalogue.averages import AVERAGES
from nnlab.catalogue.choice import ALL_TASKS, DENSE_TASKS, Choice, Task
from nnlab.catalogue.data import DATA, PUBLISHED
from nnlab.catalogue.decays import DECAYS
from nnlab.catalogue.initializers import INITIALIZERS
from nnlab.catalogue.inputs import INPUTS
from nnlab.catalogue.losses import LOSSES
from nnlab.catalogue.metrics import METRICS
from nnlab.catalogue.models import MODELS
from nnlab.catalogue.norms import NORMS
from nnlab.catalogue.optimizers import OPTIMIZERS
from nnlab.catalogue.plugins import Plugin, PluginTable
from nnlab.catalogue.precision import DEVICES, DTYPES
from nnlab.catalogue.probes import PROBES
from nnlab.catalogue.pruners import PRUNERS
from nnlab.catalogue.reductions import REDUCTIONS
from nnlab.catalogue.samplers import SAMPLERS
from nnlab.catalogue.user_files import suggest_spelling
from nnlab.errors import UnknownName

__all__ = [
    "ALL_TASKS",
    "CATALOGUES",
    "DENSE_TASKS",
    "KIND_LABELS",
    "PLUGIN_TABLES",
    "USER_CODE",
    "Choice",
    "Plugin",
    "Task",
    "all_choices",
    "builtin_names",
    "choice_names",
    "choice_spellings",
    "find_builtin",
    "find_choice",
    "find_plugin",
    "is_plugin_name",
    "is_user_code",
    "split_names",
]

CATALOGUES: Mapping[str, tuple[Choice, ...]] = {
    "data": DATA,
    "inputs": INPUTS,
    "augment": AUGMENTS,
    "model": MODELS,
    "activation": ACTIVATIONS,
    "init": INITIALIZERS,
    "norm": NORMS,
    "loss": LOSSES,
    "reduction": REDUCTIONS,
    "opt": OPTIMIZERS,
    "average": AVERAGES,
    "decay": DECAYS,
    "metric": METRICS,
    "probe": PROBES,
    "device": DEVICES,
    "dtype": DTYPES,
    "sampler": SAMPLERS,
    "pruner": PRUNERS,
}

_BY_NAME: Mapping[str, Mapping[str, Choice]] = {
    kind: {row.name: row for row in rows} for kind, rows in CATALOGUES.items()
}


# Names of the kinds in messages; the other kinds are called by their key.
KIND_LABELS: Mapping[str, str] = {
    "data": "data set",
    "inputs": "input transformation",
    "augment": "augmentation",
    "average": "weight average",
    "init": "initialisation",
    "norm": "normalisation",
    "opt": "optimizer",
    "dtype": "number format",
}


# The kinds of choices that plugins can add, see docs/extending.md.
PLUGIN_TABLES: Mapping[str, PluginTable] = {
    "data": PluginTable("nnlab.data", "data set", "DataPlugin", _BY_NAME["data"]),
    "model": PluginTable("nnlab.models", "model", "ModelPlugin", _BY_NAME["model"]),
    "opt": PluginTable("nnlab.optimizers", "optimizer", "OptimizerPlugin", _BY_NAME["opt"]),
    "decay": PluginTable("nnlab.schedules", "schedule", "SchedulePlugin", _BY_NAME["decay"]),
}


def choice_names(kind: str) -> tuple[str, ...]:
    """The names of the built-in choices of a kind, in the order of its table."""
    return tuple(_BY_NAME[kind])


def builtin_names(kind: str) -> tuple[str, ...]:
    """The names of the choices of a kind that are complete: without user code and prefixes."""
    return tuple(name for name in _BY_NAME[kind] if not name.endswith(":"))


def choice_spellings(kind: str) -> tuple[str, ...]:
    """The names of all choices of a kind as messages show them: user code is `file.py:NAME`."""
    return tuple("file.py:NAME" if name == USER_CODE else name for name in _BY_NAME[kind])


def all_choices(kind: str) -> tuple[Choice, ...]:
    """The built-in choices of a kind, and those of the installed plugins, imported now."""
    table = PLUGIN_TABLES.get(kind)
    targets = [plugin.target for plugin in table.all()] if table is not None else []
    return (*CATALOGUES[kind], *(row for row in targets if isinstance(row, Choice)))


# Kinds whose values may combine several rows: `flip+shift`.
_COMBINABLE_KINDS = ("augment",)

# The row for user code, in kinds that accept it.
USER_CODE = "module:"


def split_names(kind: str, value: str) -> tuple[str, ...]:
    """The names in a value: several if the kind is combinable, otherwise one.

    >>> split_names("augment", "flip+shift"), split_names("opt", "adam")
    (('flip', 'shift'), ('adam',))
    """
    return tuple(value.split("+")) if kind in _COMBINABLE_KINDS else (value,)


def is_user_code(kind: str, name: str | None) -> bool:
    """Whether a name is a reference to user code: `file.py:NAME` or `package.module:NAME`.

    >>> is_user_code("model", "wm.py:Net"), is_user_code("model", "timm:resnet18")
    (True, False)
    """
    row = None if name is None else find_builtin(kind, name)
    return row is not None and row.name == USER_CODE


def find_choice(kind: str, name: str) -> Choice:
    """The row of a name.

    A name with an argument (`csv:points.csv#y`, `mnist:FOLDER`) belongs to the row of its prefix.
    Any other `package.module:name` or `file.py:name` is user code, if the kind accepts it. The
    plugins are searched last, and that of the name is imported.

    Raises:
        UnknownName: no row has the name. The message lists all names and the closest one, or the
            spelling for a user's file of that name.
        PluginError: the plugin of that name cannot be used.
    """
    row = find_builtin(kind, name)
    if row is not None:
        return row
    plugin = find_plugin(kind, name)
    if plugin is not None and isinstance(plugin.target, Choice):
        return plugin.target
    plugin_names = PLUGIN_TABLES[kind].names() if kind in PLUGIN_TABLES else ()
    raise UnknownName(
        KIND_LABELS.get(kind, kind),
        name,
        (*choice_spellings(kind), *plugin_names),
        suggestion=suggest_spelling(kind, name),
    )


def find_plugin(kind: str, name: str) -> Plugin | None:
    """The plugin that adds a choice of that name, imported now; None if there is none.

    Raises:
        PluginError: the plugin of that name cannot be used.
    """
    if kind not in PLUGIN_TABLES or not is_plugin_name(kind, name):
        return None
    return PLUGIN_TABLES[kind].find(name)


def is_plugin_name(kind: str, name: str) -> bool:
    """Whether a name can only be that of a plugin; nothing is imported or searched."""
    return all(find_builtin(kind, part) is None for part in split_names(kind, name))


def find_builtin(kind: str, name: str) -> Choice | None:
    """The row of a name in the table of built-in choices; None if it has none.

    Names with an argument and user code are found as in `find_choice`.
    """
    rows = _BY_NAME[kind]
    if name in rows and not name.endswith(":"):
        return rows[name]
    prefix, colon, argument = name.partition(":")
    if colon and argument and prefix + colon in rows and prefix + colon != USER_CODE:
        return rows[prefix + colon]
    if kind == "data" and argument and prefix in PUBLISHED:
        return rows[prefix]
    if prefix and argument and USER_CODE in rows:
        return rows[USER_CODE]
    return None
