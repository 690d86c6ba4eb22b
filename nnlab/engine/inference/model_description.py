"""`ModelDescription`: what predictions need besides the weights; stored as `model.json`.

A description may come from somebody else. It is data: reading it checks every value and size, and
executes nothing.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nnlab.catalogue import Task, find_choice
from nnlab.config import RunConfig, config_of, digest_of, setting_of
from nnlab.engine.data.dataset import FeatureColumn
from nnlab.engine.data.prepare import PreparedData
from nnlab.engine.data.preprocessing import InputTransform, unchanged
from nnlab.engine.inference.checked_json import CheckedJson
from nnlab.engine.inference.column_json import column_from_json, column_to_json
from nnlab.engine.inference.transform_json import transform_from_json, transform_to_json
from nnlab.engine.streaming.record import StreamedData
from nnlab.errors import CheckpointError, DataError
from nnlab.records import Setting
from nnlab.version import nnlab_version

DESCRIPTION_FORMAT = 1
DESCRIPTION_FILE = "model.json"
WEIGHTS_FILE = "model.safetensors"
# The matrix of ZCA whitening with 4096 features is by far the largest content.
MAX_DESCRIPTION_BYTES = 256 << 20
# The numbers in one example; a larger shape in a file of somebody else would exhaust the memory.
MAX_EXAMPLE_NUMBERS = 1 << 28


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """How a trained model is built, what its inputs are, and what its outputs mean.

    `in_shape` is the shape of one example after `transform`, which was fitted on the training
    split. `target_mean` and `target_scale` convert a regression output to the target's unit.
    `classes` has one name for each output, and is empty for regression. `columns` are the feature
    columns of a table in their order, and `target_name` its target column; both are empty for
    other data.
    """

    setting: Setting
    seed: int
    task: Task
    in_shape: tuple[int, ...]
    num_outputs: int
    transform: InputTransform = unchanged
    target_mean: float = 0.0
    target_scale: float = 1.0
    classes: tuple[str, ...] = ()
    columns: tuple[FeatureColumn, ...] = ()
    target_name: str = ""

    @property
    def config(self) -> RunConfig:
        """The config of the run.

        Raises:
            ConfigError: the setting has a field that this version does not define.
        """
        return config_of(self.setting, self.seed)

    @property
    def digest(self) -> str:
        """The digest of the setting, which identifies the trial."""
        return digest_of(self.setting)

    @property
    def user_model(self) -> str | None:
        """The reference of a user-defined model, such as `model.py:Net`; None for a built-in."""
        name = str(self.setting["model"])
        return name if find_choice("model", name).name == "module:" else None


def is_describable(data: PreparedData | StreamedData) -> bool:
    """Whether predictions are possible: for one tensor per example, classes or one number."""
    is_supported = data.task == "classification" or (
        data.task == "regression" and data.num_outputs == 1
    )
    return is_supported and data.in_shape is not None and data.num_outputs > 0


def describe_model(config: RunConfig, data: PreparedData | StreamedData) -> ModelDescription:
    """The description of a model that is trained with a resolved config on its data.

    Raises:
        DataError: predictions are not possible for this kind of data.
    """
    if data.in_shape is None or not isinstance(data.target_scale, float):
        raise DataError(f"the inputs or targets of {config.data} are not one tensor per example")
    return ModelDescription(
        setting_of(config),
        config.seed,
        data.task,
        tuple(data.in_shape),
        data.num_outputs,
        data.input_transform,
        data.target_mean,
        data.target_scale,
        data.classes,
        data.columns,
        data.target_name,
    )


def serialize_description(description: ModelDescription) -> bytes:
    """The content of a `model.json` file."""
    is_user_defined = description.user_model is not None
    content = {
        "format": DESCRIPTION_FORMAT,
        "nnlab": nnlab_version(),
        "task": description.task,
        "in_shape": list(description.in_shape),
        "num_outputs": description.num_outputs,
        "dtype": description.setting.get("dtype"),
        "inputs": transform_to_json(description.transform),
        "target": {
            "name": description.target_name,
            "mean": description.target_mean,
            "scale": description.target_scale,
        },
        "classes": list(description.classes),
        "columns": [column_to_json(column) for column in description.columns],
        "model": {
            "reference": description.setting["model"],
            "version": description.setting.get("model_version") if is_user_defined else None,
        },
        "setting": dict(description.setting),
        "seed": description.seed,
    }
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()


def parse_description(content: bytes, name: str) -> ModelDescription:
    """The description in the content of a `model.json` file.

    Args:
        content: the content.
        name: the file's name, for messages.

    Raises:
        CheckpointError: it is damaged, inconsistent, or of a later format.
    """
    try:
        values: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{name} is not JSON: {error}") from None
    root = CheckedJson(name, values)
    if (version := root.integer("format")) != DESCRIPTION_FORMAT:
        raise CheckpointError(
            f"{name} has format {version}; this version of nnlab reads format {DESCRIPTION_FORMAT}",
            hint="upgrade nnlab",
        )
    in_shape = root.shape("in_shape", MAX_EXAMPLE_NUMBERS)
    target = root.object("target")
    description = ModelDescription(
        _parse_setting(root),
        root.integer("seed"),
        "classification"
        if root.text("task", ("classification", "regression"))[0] == "c"
        else "regression",
        in_shape,
        root.integer("num_outputs", minimum=1),
        transform_from_json(root.object("inputs"), in_shape),
        target.number("mean"),
        target.number("scale"),
        root.texts("classes"),
        tuple(column_from_json(column) for column in root.objects("columns")),
        target.text("name"),
    )
    _check_consistency(description, name)
    return description


def _parse_setting(root: CheckedJson) -> Mapping[str, Any]:
    setting = root.object("setting").values
    for key, value in setting.items():
        if not isinstance(value, str | int | float | bool | None):
            raise CheckpointError(f"{root.name}: setting.{key} is not a single value")
    if not isinstance(setting.get("model"), str):
        raise CheckpointError(f"{root.name}: setting.model is missing")
    return setting


def _check_consistency(description: ModelDescription, name: str) -> None:
    features = sum(len(column.feature_names) for column in description.columns)
    if description.columns and (features,) != description.in_shape:
        raise CheckpointError(
            f"{name}: its columns have {features} features, but in_shape is"
            f" {list(description.in_shape)}"
        )
    expected = description.num_outputs if description.task == "classification" else 0
    if len(description.classes) != expected:
        raise CheckpointError(
            f"{name}: {len(description.classes)} classes for {description.num_outputs} outputs"
        )
    if not (math.isfinite(description.target_scale) and description.target_scale > 0):
        raise CheckpointError(f"{name}: target.scale is {description.target_scale}")
