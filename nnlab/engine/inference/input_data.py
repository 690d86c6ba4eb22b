"""`InputData`: new examples from a table, an .npz file or a folder of images, in batches.

Tables and images are read while they are predicted, so that memory does not grow with their number.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.arrays import convert_examples, format_shape
from nnlab.engine.data.images import SUFFIXES, content_hash, image_files, read_image
from nnlab.engine.data.npz import read_arrays
from nnlab.engine.data.table_options import FormatOptions
from nnlab.engine.evaluation import EVAL_BATCH_SIZE, eval_batch_size
from nnlab.engine.inference.input_batch import InputBatch
from nnlab.engine.inference.input_options import InputOptions
from nnlab.engine.inference.input_report import InputReport
from nnlab.engine.inference.model_description import ModelDescription
from nnlab.engine.inference.table_encoder import TableEncoder
from nnlab.engine.inference.table_rows import READERS, find_reader
from nnlab.errors import DataError, UsageError
from nnlab.io.atomic_stream import open_atomic
from nnlab.io.files import sha256_of

STANDARD_INPUT = "-"
# The same as in an evaluation, so that outputs are equal to the last bit.
BATCH_SIZE = EVAL_BATCH_SIZE

_PREFIXES = ("csv:", "npz:", "folder:", "jsonl:", "parquet:", "excel:")
_X_NAMES = ("x", "test_x", "x_test")
_Y_NAMES = ("y", "test_y", "y_test")
_TASKS_WITH_ONE_TARGET = ("classification", "regression")


class InputData:
    """One input, which is read once: `batches`, then `report` is complete.

    `id_name` is the name of the ids: that of the id column, `row` (from 1), `index` (from 0) of an
    array, or `file`.
    """

    def __init__(
        self, path: Path, shown: str, description: ModelDescription, options: InputOptions
    ) -> None:
        self.path, self.shown = path, shown
        self._description, self.options = description, options
        self.report = InputReport()
        self.id_name = options.id_column or self._default_id_name()

    def encoded_for(self, description: ModelDescription) -> "InputData":
        """The same input, encoded as another model needs it."""
        return InputData(self.path, self.shown, description, self.options)

    def batches(self) -> Iterator[InputBatch]:
        """The examples in their order.

        Raises:
            DataError: the input cannot be read; problems of single rows are in `report`.
        """
        if self.path.is_dir():
            yield from self._image_batches()
        elif self.path.suffix.lower() == ".npz":
            yield from self._array_batches()
        else:
            yield from self._table_batches()

    def version(self) -> str:
        """The first 16 hex digits of the SHA-256 of the content.

        Raises:
            DataError: it cannot be read.
        """
        try:
            if self.path.is_dir():
                return content_hash(self.path, image_files(self.path))
            return sha256_of(self.path)[:16]
        except OSError as error:
            raise DataError(f"cannot read {self.shown}: {error.strerror}") from None

    def _default_id_name(self) -> str:
        if self.path.is_dir():
            return "file"
        return "index" if self.path.suffix.lower() == ".npz" else "row"

    def _table_batches(self) -> Iterator[InputBatch]:
        read = find_reader(self.path)
        if read is None:
            raise UsageError(
                f"--data {self.shown}: the format '{self.path.suffix}' is not supported",
                hint=f"{', '.join(READERS)}, .npz, or a folder of images",
            )
        if self._description.vocabulary:
            raise UsageError(
                f"--data {self.shown}: the model needs token ids, which tables do not contain",
                hint="an .npz file with an array x of whole numbers",
            )
        encoder = TableEncoder(self._description, self.options, self.report)
        empty = True
        # The format as it was given for the training data; what was detected is detected again.
        options = FormatOptions.of(self._description.config)
        for batch in read(self.path, BATCH_SIZE, options):
            empty = False
            yield encoder.encode(batch)
        if empty:
            raise DataError(f"{self.shown} has no rows")
        encoder.finish()

    def _array_batches(self) -> Iterator[InputBatch]:
        names: dict[str, str | None] = {}

        def select(members: tuple[str, ...]) -> list[str]:
            names["x"] = _select_array(self.shown, members, _X_NAMES)
            names["y"] = next((name for name in _Y_NAMES if name in members), None)
            names["id"] = self.options.id_column
            if names["id"] is not None and names["id"] not in members:
                raise DataError(
                    f"--id {names['id']}: {self.shown} has no such array; it has"
                    f" {', '.join(members)}"
                )
            return [name for name in names.values() if name is not None]

        arrays, _ = read_arrays(self.path, select)
        x_name = str(names["x"])
        examples = self._convert(x_name, arrays[x_name])
        target_array = None if names["y"] is None else arrays[names["y"]]
        if target_array is None and self._has_next_tokens(examples):
            # As in the training, the targets are the tokens that follow.
            examples, target_array = examples[:, :-1], examples[:, 1:]
        self._check_shape(x_name, arrays[x_name].shape, examples.shape[1:])
        ids = self._column(arrays, names["id"], len(examples))
        targets = None
        if self._description.task in _TASKS_WITH_ONE_TARGET and not self._has_several_targets:
            targets = self._column(arrays, names["y"], len(examples))
        if target_array is not None:
            self._check_count(str(names["y"]), target_array, len(examples))
        if names["y"] is not None and not self.options.uses_targets:
            self.report.notes.append(f"the array '{names['y']}' is not used for predictions")
        for begin in range(0, len(examples), self._batch_size):
            part = slice(begin, begin + self._batch_size)
            chunk, invalid = self._without_invalid(x_name, examples[part], begin)
            numbers = [str(begin + index) for index in range(len(chunk))]
            yield InputBatch(
                numbers if ids is None else ids[part],
                chunk,
                invalid,
                None if targets is None else targets[part],
                numbered=ids is None,
                target_array=None if target_array is None else target_array[part],
            )

    def _has_next_tokens(self, examples: NDArray[Any]) -> bool:
        """Whether sequences have one token more than the inputs of a language model."""
        (length,) = self._description.in_shape[:1]
        is_language = self._description.task == "language_modeling"
        return is_language and examples.ndim == 2 and examples.shape[1] == length + 1

    @property
    def _has_several_targets(self) -> bool:
        return len(self._description.target_means) > 1

    @property
    def _batch_size(self) -> int:
        """Examples per batch, fewer if an output is large."""
        return eval_batch_size(self._description.output_shape)

    def _convert(self, name: str, array: NDArray[Any]) -> NDArray[Any]:
        """Examples as the model needs them: numbers, images, or token ids [n, T] (int64)."""
        if not self._description.vocabulary:
            return convert_examples(self.shown, name, array)
        if array.dtype.kind not in "iu":
            raise DataError(
                f"{self.shown}: {name} has the dtype {array.dtype}; the model needs token ids,"
                " which are whole numbers"
            )
        return array.astype(np.int64)

    def _check_count(self, name: str, array: NDArray[Any], count: int) -> None:
        if array.ndim == 0 or len(array) != count:
            raise DataError(
                f"{self.shown}: {name} has shape {format_shape(array.shape)}; expected"
                f" [{count}, ...]"
            )

    def _image_batches(self) -> Iterator[InputBatch]:
        shape = self._description.in_shape
        paths = image_files(self.path)
        if not paths:
            raise DataError(f"{self.shown} has no images", hint=f"supported: {' '.join(SUFFIXES)}")
        if len(shape) != 3 or shape[0] not in (1, 3):
            raise DataError(
                f"{self.shown} is a folder of images, but the model needs examples of shape"
                f" {format_shape(shape)}"
            )
        classes = set(self._description.classes)
        for begin in range(0, len(paths), self._batch_size):
            chunk = paths[begin : begin + self._batch_size]
            examples = np.zeros((len(chunk), *shape), np.uint8)
            invalid = np.zeros(len(chunk), bool)
            for index, path in enumerate(chunk):
                try:
                    examples[index] = read_image(path, shape)
                except DataError as error:
                    invalid[index] = True
                    self._add_invalid("image", "an image cannot be used", error.message)
            names = [path.relative_to(self.path).as_posix() for path in chunk]
            folders = [path.parent.name for path in chunk]
            targets = folders if classes.intersection(folders) else None
            yield InputBatch(names, examples, invalid, targets)

    def _check_shape(self, name: str, given: tuple[int, ...], shape: tuple[int, ...]) -> None:
        expected = self._description.in_shape
        if shape != expected:
            raise DataError(
                f"{self.shown}: {name} has shape {format_shape(given)}; the model needs"
                f" [n, {format_shape(expected)[1:]}"
            )

    def _column(
        self, arrays: dict[str, NDArray[Any]], name: str | None, count: int
    ) -> list[str] | None:
        """The texts of an array with a value for each example; None without a name."""
        if name is None:
            return None
        array = arrays[name]
        if array.shape not in ((count,), (count, 1)):
            raise DataError(
                f"{self.shown}: {name} has shape {format_shape(array.shape)}; expected [{count}]"
            )
        values = array.reshape(-1).tolist()
        return [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values]

    def _without_invalid(
        self, name: str, examples: NDArray[Any], begin: int
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """The examples, and which of them [n] have a value that is not finite; those become 0."""
        size = len(self._description.vocabulary)
        valid = (examples >= 0) & (examples < size) if size else np.isfinite(examples)
        invalid = np.asarray(~valid.reshape(len(examples), -1).all(axis=1), np.bool_)
        if not invalid.any():
            return examples, invalid
        problem = f"a token is not in 0 to {size - 1}" if size else "a value is NaN or infinite"
        for row in np.flatnonzero(invalid):
            message = f"array '{name}': {problem}"
            self._add_invalid("number", message, f"row {begin + int(row)}")
        cleaned = examples.copy()
        cleaned[invalid] = 0
        return cleaned, invalid

    def _add_invalid(self, kind: str, message: str, place: str) -> None:
        self.report.problem(
            kind, "", message, self.options.invalid_solution, is_error=self.options.refuses_invalid
        ).add([place])


@contextmanager
def open_input(
    text: str, description: ModelDescription, options: InputOptions
) -> Iterator[InputData]:
    """The input that `--data` names: a path, optionally after `csv:`, `npz:` or `folder:`, or `-`.

    Standard input is a CSV table; it is copied to a temporary file first, because it is read twice.

    Raises:
        UsageError: the format is not supported.
        DataError: there is no such file.
    """
    if text == STANDARD_INPUT:
        with tempfile.TemporaryDirectory(prefix="nnlab-") as folder:
            path = Path(folder) / "stdin.csv"
            with open_atomic(path) as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
            yield InputData(path, "standard input", description, options)
        return
    prefix = next((prefix for prefix in _PREFIXES if text.startswith(prefix)), "")
    name = text.removeprefix(prefix)
    path = Path(name).expanduser()
    if not path.exists():
        # The training data may be named with its target column, which the model knows already.
        path = Path(name.partition("#")[0]).expanduser()
    if not path.exists():
        raise DataError(f"no data file at {path}", hint="--data takes a file or a folder")
    yield InputData(path, str(path), description, options)


def data_label(text: str) -> str:
    """A name for an input in the name of a metric: that of its file without the suffix.

    >>> data_label("csv:new/other file.csv")
    'other-file'
    """
    name = Path(text.partition(":")[2] if text.startswith(_PREFIXES) else text).stem
    return metric_label("stdin" if text == STANDARD_INPUT else name)


def metric_label(name: str) -> str:
    """A name in which all characters other than letters, digits, `.`, `_` and `-` are `-`.

    Raises:
        UsageError: nothing is left of it.
    """
    label = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in name)
    if not label.strip("-."):
        raise UsageError(f"'{name}' cannot be part of the name of a metric", hint="use letters")
    return label


def _select_array(source: str, members: tuple[str, ...], names: tuple[str, ...]) -> str:
    """The array with the examples: one of some names, or the only one."""
    selected = next((name for name in names if name in members), None)
    if selected is None and len(members) == 1:
        return members[0]
    if selected is None:
        raise DataError(
            f"{source} has {', '.join(members) or 'no arrays'}; the examples must be named x"
        )
    return selected


__all__ = ["BATCH_SIZE", "InputData", "data_label", "metric_label", "open_input"]
