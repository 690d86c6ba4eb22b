"""Data sets of plugins: read, checked and compared with what the plugin declares."""

from dataclasses import replace

from nnlab.engine.data.arrays import build_dataset
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.user_defined import properties_of, split_arrays
from nnlab.engine.plugin_calls import call_plugin, find_required
from nnlab.engine.plugin_types import DataPlugin
from nnlab.errors import DataError
from nnlab.settings import RunConfig


def read_plugin_dataset(config: RunConfig) -> Dataset:
    """The data set of a plugin.

    Raises:
        DataError: the data cannot be trained on, or differ from what the plugin declares.
        PluginError: the plugin cannot be used or fails.
    """
    plugin = find_required("data", config.data, DataPlugin)
    row = plugin.choice
    value = call_plugin(plugin, object, lambda: row.read(config))
    dataset = build_dataset(
        row.name,
        row.name,
        split_arrays(row.name, value),
        plugin.plugin.version,
        task=None if row.tasks[0] in ("classification", "regression") else row.tasks[0],
        properties=properties_of(row.name, value),
    )
    if row.classes and len(row.classes) == len(dataset.classes):
        dataset = replace(dataset, classes=row.classes)
    _check_declaration(row, dataset)
    return dataset


def _check_declaration(row: DataPlugin, dataset: Dataset) -> None:
    """Raises DataError if the plugin declares other properties than the data have."""
    properties: dict[str, tuple[object, object]] = {
        "task": (row.tasks[0], dataset.task),
        "own_test": (row.own_test, dataset.num_provided_test > 0),
        "own_val": (row.own_val, dataset.num_provided_val > 0),
    }
    if row.classes:
        properties["classes"] = (row.classes, dataset.classes)
    for name, (declared, actual) in properties.items():
        if declared != actual:
            raise DataError(
                f"the plugin of --data {row.name} declares {name} {declared!r},"
                f" its data have {actual!r}"
            )
