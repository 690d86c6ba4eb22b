"""Data sets by name: `read_dataset` reads one, `dataset_facts` describes it for `nnlab.settings`.

Importing this package imports neither torch nor numpy; reading a data set imports numpy.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from nnlab.catalogue import Choice, Task, find_choice, find_plugin, is_user_code
from nnlab.catalogue.data import PUBLISHED, STREAMED_DATA, TARGET_COUNTS, TOKEN_DATA
from nnlab.catalogue.tasks import DEFINED_BY_TASK
from nnlab.engine.data.class_names import CLASS_NAMES
from nnlab.engine.data.table_options import DEFAULT_TABLE_OPTIONS, TableOptions
from nnlab.engine.plugin_types import DataPlugin
from nnlab.errors import DataError
from nnlab.settings import DataFacts, RunConfig

if TYPE_CHECKING:
    from pathlib import Path

    from nnlab.engine.data.dataset import Dataset
    from nnlab.engine.data.published.download import DownloadProgress

__all__ = [
    "BUILTIN",
    "GENERATED",
    "PUBLISHED",
    "USER_DATA_MODULES",
    "cached_facts",
    "dataset_facts",
    "facts_of",
    "fetch",
    "read_dataset",
]

# Functions of `builtin`, by the name of the data set.
BUILTIN: Mapping[str, str] = {
    "digits": "digits",
    "iris": "iris",
    "wine": "wine",
    "breast-cancer": "breast_cancer",
    "diabetes": "diabetes",
}
# The data sets of `generated`; those of `published` are listed in the catalogue.
GENERATED = (
    *("two-moons", "circles", "spirals", "blobs", "xor", "sequences", "teacher-student"),
    *("robot-arm", "tags", "brackets", "word-tags", "text", "shapes"),
)
# Modules with a function `read_dataset(name)`, by the catalogue row of the user's data.
USER_DATA_MODULES: Mapping[str, str] = {
    "csv:": "csv_table",
    "parquet:": "csv_table",
    "excel:": "csv_table",
    "npz:": "npz",
    "npy:": "array_files",
    "folder:": "images",
    "module:": "user_defined",
}
TABLE_KINDS = ("csv:", "parquet:", "excel:")
# Data whose arrays may have any kind of targets.
_ARRAY_KINDS = ("npz:", "module:")
_TOKEN_TASKS: tuple[Task, ...] = ("token_classification", "language_modeling")


def facts_of(config: RunConfig) -> DataFacts:
    """`dataset_facts` for the data set of a config, and the facts about a user's task."""
    return _facts_of(config, dataset_facts)


def cached_facts() -> Callable[[RunConfig], DataFacts]:
    """`facts_of` as a function that reads each data set once."""
    return partial(_facts_of, read_facts=cache(dataset_facts))


def _facts_of(config: RunConfig, read_facts: "Callable[..., DataFacts]") -> DataFacts:
    if config.task is None or not is_user_code("task", config.task):
        return read_facts(config.data, TableOptions.of(config), stream=_is_streamed(config))
    # The task's file is executed, which imports torch.
    from nnlab.engine.user_task.description import describe_user_task

    task = describe_user_task(config.task)
    if task.has_loaders or config.data == DEFINED_BY_TASK:
        return DataFacts("custom", own_test=True, own_val=True, user_task=task)
    facts = read_facts(config.data, TableOptions.of(config), stream=_is_streamed(config))
    return replace(facts, task="custom", user_task=task)


def _is_streamed(config: RunConfig) -> bool:
    return config.stream or config.steps is not None


def dataset_facts(
    name: str, options: TableOptions = DEFAULT_TABLE_OPTIONS, *, stream: bool = False
) -> DataFacts:
    """The task, classes, provided splits and content hash of a data set.

    Only a user's own data are read for this. The version of a plugin takes the place of the hash.

    Args:
        name: the data set, as in `--data`.
        options: how a table is read.
        stream: whether the data is read batch by batch; then only one item of a user's data set is
            read for the facts.

    Raises:
        UnknownName: no data set has this name.
        DataError: the file cannot be used; the message names line and column.
        UserCodeError: the user's function fails.
    """
    row = find_choice("data", name)
    if row.name == "module:":
        _check_is_table(row, options)
        # By name, because the module imports numpy, as in `read_dataset`.
        module = importlib.import_module("nnlab.engine.data.user_facts")
        facts: DataFacts = module.user_data_facts(name, stream=stream, task=options.task)
        return facts
    if row.name in ("parquet:", "folder:", "npy:"):
        _check_is_table(row, options)
        module = importlib.import_module("nnlab.engine.streaming.lazy_facts")
        lazy_facts: DataFacts | None = module.facts_without_examples(name, options, stream=stream)
        if lazy_facts is not None:
            return lazy_facts
    if row.name in USER_DATA_MODULES:
        return _read_user_data(row, name, options).facts
    _check_is_table(row, options)
    facts = _catalogue_facts(row, name)
    if options.task in (None, facts.task):
        return facts
    _check_replaces_targets(name, facts.task, options.task)
    return replace(facts, task="reconstruction", classes=())


def _catalogue_facts(row: Choice, name: str) -> DataFacts:
    """The facts of a data set that the catalogue or a plugin declares."""
    task = row.tasks[0]
    if isinstance(row, DataPlugin):
        return DataFacts(
            task,
            _plugin_version(name),
            row.own_test,
            row.own_val,
            row.classes,
            has_tokens=task in _TOKEN_TASKS,
        )
    return DataFacts(
        task,
        own_test=row.name in PUBLISHED,
        classes=CLASS_NAMES.get(row.name, ()),
        num_targets=TARGET_COUNTS.get(row.name, 1),
        has_tokens=row.name in TOKEN_DATA,
        streamed_only=row.name in STREAMED_DATA,
    )


def _check_replaces_targets(name: str, own: Task, task: Task | None) -> None:
    """Checks that the targets of a data set can be replaced by those of another task.

    Raises:
        DataError: they cannot.
    """
    if task != "reconstruction":
        raise DataError(
            f"--task {task} does not fit {name}, a {own} task",
            hint="omit --task; reconstruction fits any data of numbers",
        )


def read_dataset(config: RunConfig) -> "Dataset":
    """Reads the data set of a config, and downloads a published one if it is missing.

    Raises:
        UnknownName: no data set has this name.
        DataError: the files cannot be used.
        PluginError: the plugin of the data set cannot be used, or fails.
        UserCodeError: the user's function fails.
    """
    dataset = _with_task(_read_unfiltered(config), TableOptions.of(config).task)
    # numpy is imported only when a data set is read: `nnlab --help` must start fast.
    if config.rotate:
        from nnlab.engine.data.rotation import rotate_images

        dataset = rotate_images(dataset, config.rotate)
    if config.classes is None:
        return dataset
    from nnlab.engine.data.corruption import keep_classes

    return keep_classes(dataset, config.classes)


def _with_task(dataset: "Dataset", task: Task | None) -> "Dataset":
    """The data set for a task; that of reconstruction has no targets.

    Raises:
        DataError: the task does not fit its targets.
    """
    if task in (None, dataset.task):
        return dataset
    _check_replaces_targets(dataset.name, dataset.task, task)
    if dataset.has_tokens:
        raise DataError(f"--task {task} needs images or numbers; {dataset.name} has tokens")
    return replace(dataset, task="reconstruction", targets=None, classes=(), target_name="")


def fetch(name: str, progress: "DownloadProgress | None" = None) -> "tuple[Path, ...]":
    """The files of a published data set, downloaded if they are not on this machine.

    Args:
        name: name of a data set; if it is not a published one, the result is empty.
        progress: called for each chunk: name of the file, bytes received, size or None.

    Raises:
        DataError: the download fails; the message says where to put which files.
    """
    row = find_choice("data", name)
    if row.name in PUBLISHED:
        from nnlab.engine.data import published  # numpy, as in `read_dataset`

        return published.fetch(row.name, _folder_of_name(row, name), progress)
    return ()


def _read_unfiltered(config: RunConfig) -> "Dataset":
    row = find_choice("data", config.data)
    if row.name == DEFINED_BY_TASK:
        raise DataError(
            "the data of a user's task are the batches of its train_loader, which only it can read"
        )
    _check_is_table(row, TableOptions.of(config))
    if row.name in USER_DATA_MODULES:
        return _read_user_data(row, config.data, TableOptions.of(config))
    if isinstance(row, DataPlugin):
        from nnlab.engine.data import plugin_data  # numpy, as in `read_dataset`

        return plugin_data.read_plugin_dataset(config)
    if row.name in STREAMED_DATA:
        raise DataError(f"{config.data} can only be read through a loader, which training does")
    if row.name in GENERATED:
        return _generate(row, config)
    if row.name in PUBLISHED:
        from nnlab.engine.data import published  # numpy, as in `read_dataset`

        return published.read_published(row.name, _folder_of_name(row, config.data))
    from nnlab.engine.data import builtin  # numpy, as in `read_dataset`

    dataset: Dataset = getattr(builtin, BUILTIN[row.name])()
    return dataset


def _read_user_data(row: Choice, name: str, options: TableOptions) -> "Dataset":
    _check_is_table(row, options)
    # By name, because these modules import numpy, as in `read_dataset`.
    module = importlib.import_module(f"nnlab.engine.data.{USER_DATA_MODULES[row.name]}")
    dataset: Dataset
    if row.name in _ARRAY_KINDS:
        dataset = module.read_dataset(name, options.task)
    elif row.name in TABLE_KINDS:
        # A target column is read in any case, but not used.
        is_replaced = options.task == "reconstruction"
        options = replace(options, task=None) if is_replaced else options
        dataset = module.read_dataset(name, options)
        dataset = _with_task(dataset, "reconstruction") if is_replaced else dataset
    else:
        dataset = _with_task(module.read_dataset(name), options.task)
    from nnlab.engine.data.number_range import check_sums  # numpy, as in `read_dataset`

    check_sums(dataset)
    return dataset


def _check_is_table(row: Choice, options: TableOptions) -> None:
    if row.name in TABLE_KINDS:
        return
    columns = options.split
    if columns.names:
        raise DataError(
            f"{columns.option_of(columns.names[0])} needs a table with named columns",
            hint="--data csv:FILE, or --split-file FILE for other data",
        )
    if options.flags:
        raise DataError(f"{', '.join(options.flags)} needs a table", hint="--data csv:FILE")


def _plugin_version(name: str) -> str | None:
    plugin = find_plugin("data", name)
    return None if plugin is None else plugin.version


def _generate(row: Choice, config: RunConfig) -> "Dataset":
    from nnlab.engine.data.generated import generate_dataset  # numpy, as in `read_dataset`

    return generate_dataset(row.name, *generation_options(config))


def generation_options(config: RunConfig) -> tuple[int, float, int]:
    """The number of samples, the noise and the seed of a generated data set."""
    row = find_choice("data", config.data)
    values: dict[str, Any] = {name: getattr(config, name) for name in row.defaults}
    options = values | {name: row.defaults[name] for name in values if values[name] is None}
    return int(options["samples"]), float(options["data_noise"]), int(options["data_seed"])


def _folder_of_name(row: Choice, name: str) -> str:
    """The folder in `mnist:FOLDER`; empty if the name has none."""
    return name.removeprefix(row.name).removeprefix(":")
