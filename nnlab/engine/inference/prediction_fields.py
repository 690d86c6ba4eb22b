"""`PredictionFields`: the columns of a file of predictions, for each kind of targets."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.catalogue import DENSE_TASKS, Task
from nnlab.engine.data.table_tags import SEPARATORS
from nnlab.engine.inference.input_batch import InputBatch
from nnlab.engine.inference.model_description import ModelDescription

# A tag is predicted if its probability is above this.
TAG_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class PredictionFields:
    """What the predictions of a model are, and the names of their columns.

    `classes` are the names of the classes, tags or tokens; `target_names` those of several numbers.
    `tag_separator` joins the predicted tags. `id_name` is the name of the ids.
    """

    task: Task
    id_name: str
    classes: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    tag_separator: str = ";"

    @classmethod
    def of(cls, description: ModelDescription, id_name: str) -> "PredictionFields":
        """The fields of the predictions of a model."""
        separator = description.config.target_separator or "semicolon"
        count = len(description.target_means)
        names = description.target_names or tuple(str(number) for number in range(1, count + 1))
        return cls(description.task, id_name, description.class_names, names, SEPARATORS[separator])

    @property
    def is_table(self) -> bool:
        """Whether an example has one row of values, not an array."""
        return self.task in ("classification", "regression", "multilabel")

    @property
    def predicted_columns(self) -> tuple[str, ...]:
        """The names of the columns with predictions, without probabilities."""
        return tuple(f"predicted_{name}" for name in self.target_names) or ("predicted",)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of all columns after the id."""
        return (*self.predicted_columns, *(f"probability_{name}" for name in self.classes))

    def predicted(self, predictions: NDArray[Any]) -> list[tuple[str | float, ...]]:
        """The values of `predicted_columns` for each row of predictions [n, outputs]."""
        if self.task == "classification":
            return [(self.classes[label],) for label in predictions.argmax(axis=1)]
        if self.task == "multilabel":
            return [
                (self.tag_separator.join(self.predicted_tags(row)),)
                for row in predictions > TAG_THRESHOLD
            ]
        return [tuple(row) for row in predictions.tolist()]

    def predicted_tags(self, is_present: NDArray[np.bool_]) -> list[str]:
        """The names of the tags [k] that are present."""
        return [name for name, present in zip(self.classes, is_present, strict=True) if present]

    def predicted_classes(self, probabilities: NDArray[Any]) -> NDArray[np.int64]:
        """The most probable class of each token [n, T] or pixel [n, H, W]."""
        labels: NDArray[np.int64] = probabilities.argmax(axis=self.class_axis)
        return labels

    @property
    def class_axis(self) -> int:
        """The axis of the classes in probabilities of tokens or pixels."""
        return 1 if self.task == "segmentation" else -1

    @property
    def is_dense(self) -> bool:
        """Whether each token or pixel has a predicted class."""
        return self.task in DENSE_TASKS


def prediction_rows(
    batch: InputBatch, predictions: NDArray[Any], fields: PredictionFields
) -> Iterator[dict[str, Any]]:
    """The prediction for each example of a batch as an object with stable keys."""
    texts = predictions.astype(str)
    for row, (name, invalid) in enumerate(zip(batch.ids, batch.invalid, strict=True)):
        values: dict[str, Any] = {fields.id_name: int(name) if batch.numbered else name}
        if invalid:
            values["predicted"] = None
        elif fields.task == "classification":
            values["predicted"] = fields.classes[predictions[row].argmax()]
        elif fields.task == "multilabel":
            values["predicted"] = fields.predicted_tags(predictions[row] > TAG_THRESHOLD)
        elif fields.target_names:
            numbers = map(float, texts[row])
            values["predicted"] = dict(zip(fields.target_names, numbers, strict=True))
        else:
            values["predicted"] = float(texts[row, 0])
        if fields.classes and not invalid:
            values["probabilities"] = {
                label: float(text) for label, text in zip(fields.classes, texts[row], strict=True)
            }
        yield values
