"""The shape of one output of a model, for each kind of targets."""

from collections.abc import Callable, Mapping

from nnlab.catalogue import Task
from nnlab.errors import DataError

Shape = tuple[int, ...]
# IGNORED_CLASS marks tokens and pixels without a target; it is the `ignore_index` of torch.
IGNORED_CLASS = -100


def output_shape(task: Task, num_outputs: int, in_shape: Shape, target_shape: Shape) -> Shape:
    """The shape of one output, without the dimension of the examples.

    Args:
        task: the kind of targets.
        num_outputs: the number of classes, targets, tags or tokens of the vocabulary.
        in_shape: the shape of one example.
        target_shape: the shape of one target: () for one class, (T,) for tokens, (H, W) for pixels.

    Raises:
        DataError: outputs of this kind have no fixed shape.
    """
    shape = _OUTPUT_SHAPES.get(task)
    if shape is None:
        raise DataError(f"the outputs of the task {task} have no fixed shape")
    return shape(num_outputs, in_shape, target_shape)


def _vector(num_outputs: int, in_shape: Shape, target_shape: Shape) -> Shape:
    del in_shape, target_shape
    return (num_outputs,)


def _classes_last(num_outputs: int, in_shape: Shape, target_shape: Shape) -> Shape:
    del in_shape
    return (*target_shape, num_outputs)


def _classes_first(num_outputs: int, in_shape: Shape, target_shape: Shape) -> Shape:
    del in_shape
    return (num_outputs, *target_shape)


def _same_as_input(num_outputs: int, in_shape: Shape, target_shape: Shape) -> Shape:
    del num_outputs, target_shape
    return in_shape


_OUTPUT_SHAPES: Mapping[Task, Callable[[int, Shape, Shape], Shape]] = {
    "classification": _vector,
    "regression": _vector,
    "multilabel": _vector,
    "token_classification": _classes_last,
    "language_modeling": _classes_last,
    "segmentation": _classes_first,
    "reconstruction": _same_as_input,
}
