"""The `StreamedData` record: the splits of streamed data and their properties."""

from dataclasses import dataclass
from typing import Any

from nnlab.catalogue import Task
from nnlab.engine.data import preprocessing
from nnlab.engine.data.dataset import FeatureColumn
from nnlab.engine.data.preprocessing import InputTransform
from nnlab.engine.streaming.batch_source import BatchSource


@dataclass(frozen=True, slots=True)
class StreamedData:
    """Data that is read batch by batch.

    A batch is a pair (inputs, targets), a dict with the keys `inputs` and `targets`, or the inputs
    alone. Inputs are a tensor, a tuple of tensors or a dict of tensors.

    Attributes:
        task: the kind of targets.
        train: the training split.
        val: the validation split.
        test: the test split; None if there is none.
        num_outputs: the number of classes or targets; 0 if it is unknown.
        output_shape: the shape of the outputs for one example; None if it is unknown.
        in_shape: the shape of one example; None if the inputs are not one tensor.
        example: a batch of one example, as the sources yield it, to build and check models with.
        fingerprint: 16 hex digits that are equal for equal data.
        classes: names of the classes; empty if there are none.
        target_scale: the target's unit per unit of the batches; several targets have several.
        target_mean: the target whose value in the batches is 0.
        input_transform: the transform that was applied to the inputs.
        columns: of a table.
        target_name: of a table.
        notes: what the user should know about the reading.
    """

    task: Task
    train: BatchSource
    val: BatchSource
    test: BatchSource | None
    num_outputs: int
    output_shape: tuple[int, ...] | None
    in_shape: tuple[int, ...] | None
    example: Any
    fingerprint: str
    classes: tuple[str, ...] = ()
    target_scale: float | tuple[float, ...] = 1.0
    target_mean: float = 0.0
    input_transform: InputTransform = preprocessing.unchanged
    columns: tuple[FeatureColumn, ...] = ()
    target_name: str = ""
    notes: tuple[str, ...] = ()
