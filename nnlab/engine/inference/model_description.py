"""`ModelDescription`: what predictions need besides the weights; stored as `model.json`.

A description may come from somebody else. It is data: reading it checks every value and size, and
executes nothing.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from nnlab.catalogue import DENSE_TASKS, Task, find_choice
from nnlab.engine.data.dataset import FeatureColumn
from nnlab.engine.data.prepare import PreparedData
from nnlab.engine.data.preprocessing import InputTransform, unchanged
from nnlab.engine.inference.checked_json import CheckedJson
from nnlab.engine.inference.column_json import column_from_json, column_to_json
from nnlab.engine.inference.transform_json import transform_from_json, transform_to_json
from nnlab.engine.streaming.record import StreamedData
from nnlab.errors import CheckpointError, DataError
from nnlab.records import Setting
from nnlab.settings import RunConfig, config_of, digest_of, setting_of
from nnlab.version import nnlab_version

DESCRIPTION_FORMAT = 1
# The kinds of targets whose outputs nnlab can convert to predictions.
PREDICTED_TASKS: tuple[Task, ...] = (
    "classification",
    "regression",
    "multilabel",
    *DENSE_TASKS,
    "reconstruction",
)
_TASKS_WITH_CLASSES = ("classification", "multilabel", "token_classification", "segmentation")
DESCRIPTION_FILE = "model.json"
WEIGHTS_FILE = "model.safetensors"
# The matrix of ZCA whitening with 4096 features is by far the largest content.
MAX_DESCRIPTION_BYTES = 256 << 20
# The numbers in one example; a larger shape in a file of somebody else would exhaust the memory.
MAX_EXAMPLE_NUMBERS = 1 << 28
MAX_OUTPUT_NUMBERS = 1 << 28


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """How a trained model is built, what its inputs are, and what its outputs mean.

    `in_shape` is the shape of one example after `transform`, which was fitted on the training
    split. `target_mean` and `target_scale` convert a regression output to the target's unit.
    `classes` has one name for each class or tag, and is empty for numbers. `columns` are the
    feature columns of a table in their order, and `target_name` its target column; both are empty
    for other data. With several targets, `target_means` and `target_scales` have a number for each
    in place of the other two, and `target_names` their names. `output_shape` is the shape of one
    output. `vocabulary` has the names of the token ids if the inputs are tokens.
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
    output_shape: tuple[int, ...] = ()
    target_names: tuple[str, ...] = ()
    target_means: tuple[float, ...] = ()
    target_scales: tuple[float, ...] = ()
    vocabulary: tuple[str, ...] = ()
    pad_token: int | None = None

    def __post_init__(self) -> None:
        if not self.output_shape:  # one vector per example
            object.__setattr__(self, "output_shape", (self.num_outputs,))

    @property
    def target_columns(self) -> tuple[str, ...]:
        """The target columns of a table; names of arrays if they have any."""
        if self.target_name:
            return (self.target_name,)
        return self.target_names or (self.classes if self.task == "multilabel" else ())

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes, tags or tokens that the outputs are scores of."""
        return self.vocabulary if self.task == "language_modeling" else self.classes

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
    """Whether predictions are possible: for one tensor per example, and outputs of known shape."""
    return (
        data.task not in ("unsupervised", "custom")
        and data.in_shape is not None
        and data.output_shape is not None
        and data.num_outputs > 0
    )


def describe_model(config: RunConfig, data: PreparedData | StreamedData) -> ModelDescription:
    """The description of a model that is trained with a resolved config on its data.

    Raises:
        DataError: predictions are not possible for this kind of data.
    """
    if data.in_shape is None or data.output_shape is None:
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
        tuple(data.output_shape),
        data.target_names if data.task == "regression" else (),
        data.target_means,
        data.target_scales,
        data.vocabulary,
        data.pad_token,
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
            **_several_targets(description),
        },
        "classes": list(description.classes),
        **_optional_content(description),
        "columns": [column_to_json(column) for column in description.columns],
        "model": {
            "reference": description.setting["model"],
            "version": description.setting.get("model_version") if is_user_defined else None,
        },
        "setting": dict(description.setting),
        "seed": description.seed,
    }
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()


def _optional_content(description: ModelDescription) -> dict[str, Any]:
    """What only some kinds of inputs and targets have."""
    content: dict[str, Any] = {}
    if description.output_shape != (description.num_outputs,):
        content["output_shape"] = list(description.output_shape)
    if description.vocabulary:
        content["vocabulary"] = list(description.vocabulary)
    if description.pad_token is not None:
        content["pad_token"] = description.pad_token
    return content


def _several_targets(description: ModelDescription) -> dict[str, Any]:
    if not description.target_means:
        return {}
    return {
        "names": list(description.target_names),
        "means": list(description.target_means),
        "scales": list(description.target_scales),
    }


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
    # Artifacts of earlier versions do not have all keys.
    description = ModelDescription(
        _parse_setting(root),
        root.integer("seed"),
        cast("Task", root.text("task", PREDICTED_TASKS)),
        in_shape,
        root.integer("num_outputs", minimum=1),
        transform_from_json(root.object("inputs"), in_shape),
        target.number("mean"),
        target.number("scale"),
        root.texts("classes"),
        tuple(column_from_json(column) for column in root.objects("columns")),
        target.text("name"),
        root.shape("output_shape", MAX_OUTPUT_NUMBERS) if "output_shape" in root.values else (),
        target.texts("names") if "names" in target.values else (),
        tuple(target.numbers("means")) if "means" in target.values else (),
        tuple(target.numbers("scales")) if "scales" in target.values else (),
        root.texts("vocabulary") if "vocabulary" in root.values else (),
        root.integer("pad_token", minimum=0) if "pad_token" in root.values else None,
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
    has_classes = description.task in _TASKS_WITH_CLASSES
    allowed = {description.num_outputs if has_classes else 0}
    if description.task == "language_modeling":
        allowed = {0, description.num_outputs}
    if len(description.classes) not in allowed:
        raise CheckpointError(
            f"{name}: {len(description.classes)} classes for {description.num_outputs} outputs"
        )
    _check_targets(description, name)
    _check_shapes(description, name)
    if not (math.isfinite(description.target_scale) and description.target_scale > 0):
        raise CheckpointError(f"{name}: target.scale is {description.target_scale}")


def _check_targets(description: ModelDescription, name: str) -> None:
    """Checks the names and the units of several targets."""
    means, scales = description.target_means, description.target_scales
    count = description.num_outputs if description.task == "regression" else 1
    expected = count if count > 1 else 0
    if len(means) != expected or len(scales) != expected:
        raise CheckpointError(
            f"{name}: {len(means)} means and {len(scales)} scales for {count} targets"
        )
    if len(description.target_names) not in (0, expected):
        raise CheckpointError(f"{name}: {len(description.target_names)} names for {count} targets")
    if any(scale <= 0 for scale in scales):
        raise CheckpointError(f"{name}: target.scales has numbers that are not positive")


def _check_shapes(description: ModelDescription, name: str) -> None:
    """Checks that the shapes of examples and outputs fit the task and the vocabulary."""
    in_shape, shape, count = (
        description.in_shape, description.output_shape, description.num_outputs,
    )  # fmt: skip
    fits = {
        "token_classification": len(shape) == 2 and shape[1] == count,
        "language_modeling": shape == (*in_shape, count) and len(shape) == 2,
        "segmentation": len(shape) == 3 and shape[0] == count,
        "reconstruction": shape == in_shape and math.prod(shape) == count,
    }.get(description.task, shape == (count,))
    if not fits:
        raise CheckpointError(
            f"{name}: output_shape {list(shape)} does not fit {description.task} with {count}"
            f" outputs and examples of shape {list(in_shape)}"
        )
    size = len(description.vocabulary)
    if size and len(in_shape) != 1:
        raise CheckpointError(f"{name}: tokens cannot have the shape {list(in_shape)}")
    if description.task == "language_modeling" and size != count:
        raise CheckpointError(f"{name}: a vocabulary of {size} tokens for {count} outputs")
    if description.pad_token is not None and description.pad_token >= size:
        raise CheckpointError(f"{name}: pad_token {description.pad_token} is not in the vocabulary")
