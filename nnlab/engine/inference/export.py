"""Exports a trained model to a file, which is loaded again and checked before it is kept."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from nnlab.engine.data.preprocessing import Affine, Whitening
from nnlab.engine.error_description import describe_error
from nnlab.engine.inference.export_formats import (
    ExportFormat,
    ModelFunction,
    description_path,
    find_export_format,
)
from nnlab.engine.inference.inference_model import InferenceModel, model_dtype
from nnlab.engine.inference.model_description import ModelDescription
from nnlab.engine.inference.output_conversion import TargetUnits
from nnlab.errors import NnlabError, OutputError
from nnlab.io.files import check_writable, to_nnlab_error

# Several sizes, because a program may have been specialised for the size of its example.
CHECKED_BATCH_SIZES = (1, 2, 7, 32)
_EXAMPLE_BATCH_SIZE = 3
# Float64 computes with 2^29 times smaller rounding errors than float32.
_FLOAT64_FACTOR = 1e-6


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What was written, and how much the outputs of the loaded file differ from the model's own.

    `max_difference` is absolute, over the checked batches; `tolerance` is its limit. `inputs`
    describes the input of the program, such as `float64 [batch, 4]`.
    """

    files: tuple[Path, ...]
    inputs: str
    max_difference: float
    tolerance: float
    batch_sizes: tuple[int, ...] = CHECKED_BATCH_SIZES


def export_model(model: InferenceModel, description: ModelDescription, path: Path) -> ExportResult:
    """Writes a model in the format that the suffix of the file names.

    The input of the program is a batch of raw examples of any size (see `input_dtype`). The file
    appears under its name only after the check.

    Raises:
        UsageError: the suffix is not that of a format, or packages are missing.
        OutputError: the model cannot be exported, differs after loading, or cannot be written.
    """
    export_format = find_export_format(path)
    check_writable(path)
    with _temporary_folder_beside(path) as folder:
        try:
            drafts = export_format.files(
                model,
                description,
                example_inputs(description, _EXAMPLE_BATCH_SIZE),
                folder / path.name,
            )
            for draft, content in drafts.items():
                draft.write_bytes(content)
            loaded = export_format.load(model, folder / path.name)
        except OSError as error:
            raise to_nnlab_error(error, path) from error
        except NnlabError:
            raise
        except Exception as error:  # the exporters have no common exception class
            raise OutputError(
                f"the model cannot be exported as {export_format.name}: {describe_error(error)}",
                hint="-o model.safetensors stores the weights; nnlab.load returns the module",
            ) from error
        result = check_export(export_format, model, loaded, description)
        files = tuple(_move(draft, path.with_name(draft.name)) for draft in sorted(drafts))
    return replace(result, files=files)


@contextmanager
def _temporary_folder_beside(path: Path) -> Iterator[Path]:
    """A folder that is removed afterwards, on the disk of a file, so that files can be renamed.

    Raises:
        DiskFull: the disk is full.
        OutputError: the folder of the file cannot be written.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix=".nnlab-", dir=path.resolve().parent)
    except OSError as error:
        raise to_nnlab_error(error, path) from error
    with folder as name:
        yield Path(name)


def check_export(
    export_format: ExportFormat,
    model: InferenceModel,
    loaded: ModelFunction,
    description: ModelDescription,
) -> ExportResult:
    """Compares the outputs of a loaded file with the model's own, for several batch sizes.

    Raises:
        OutputError: they differ by more than the tolerance.
    """
    centre, unit = _output_unit(model)
    largest, difference = 1.0, 0.0
    for size in CHECKED_BATCH_SIZES:
        inputs = example_inputs(description, size)
        with torch.no_grad():
            expected, actual = model(inputs), loaded(inputs)
        if actual.shape != expected.shape or actual.dtype != expected.dtype:
            raise OutputError(
                f"the exported model is not kept: for a batch of {size} it returns"
                f" {actual.dtype} {list(actual.shape)}, the run {list(expected.shape)}"
            )
        largest = max(largest, float(((expected - centre) / unit).abs().max()))
        difference = max(difference, _max_difference(expected, actual, unit))
    factor = _FLOAT64_FACTOR if model.dtype == torch.float64 else 1.0
    # In the largest unit, if the outputs have several.
    difference *= float(unit.max())
    tolerance = export_format.tolerance * factor * largest * float(unit.max())
    if not difference <= tolerance:
        raise OutputError(
            f"the exported model is not kept: its outputs differ from those of the run by"
            f" {difference:.2g}, more than {tolerance:.2g}",
            hint="another format may work: -o model.safetensors",
        )
    return ExportResult((), _describe_inputs(description), difference, tolerance)


def example_inputs(description: ModelDescription, size: int) -> torch.Tensor:
    """Raw examples [size, *in_shape] with the mean and the spread of the training data.

    The features of embedded columns are random indices of categories, and tokens random ids.

    They are the same for every call with the same size.
    """
    generator = np.random.default_rng(size)
    if description.vocabulary:
        shape = (size, *description.in_shape)
        return torch.from_numpy(generator.integers(len(description.vocabulary), size=shape))
    noise = generator.normal(size=(size, *description.in_shape))
    transform = description.transform
    if isinstance(transform, Affine):
        scale = np.where(np.isfinite(transform.scale), transform.scale, 0.0)
        noise = transform.shift + scale * noise
    elif isinstance(transform, Whitening):
        noise += transform.mean.reshape(1, *description.in_shape)
    start = 0
    for column in description.columns:
        if column.encoding == "embed":
            noise[:, start] = generator.integers(column.num_embeddings, size=size)
        start += len(column.feature_names)
    return torch.from_numpy(noise).to(input_dtype(description))


def input_dtype(description: ModelDescription) -> torch.dtype:
    """The dtype of the inputs of an exported program.

    Features are float64, images float32 and tokens int64.
    A feature may have a mean that is large relative to its spread, which float32 would lose.
    """
    if description.vocabulary:
        return torch.int64
    is_features = len(description.in_shape) == 1
    return torch.float64 if is_features else model_dtype(description)


def _output_unit(model: InferenceModel) -> tuple[torch.Tensor, torch.Tensor]:
    """The typical value of outputs and the size of a typical difference, for each or for all."""
    conversion = model.output_conversion
    if model.raw or not isinstance(conversion, TargetUnits):
        return torch.tensor(0.0), torch.tensor(1.0)
    return conversion.mean, conversion.scale


def export_paths(path: Path) -> tuple[Path, ...]:
    """The files that an export writes: for safetensors also the description."""
    is_weights = path.suffix.lower() == ".safetensors"
    return (path, description_path(path)) if is_weights else (path,)


def _describe_inputs(description: ModelDescription) -> str:
    dtype = str(input_dtype(description)).removeprefix("torch.")
    return f"{dtype} [batch, {', '.join(map(str, description.in_shape))}]"


def _max_difference(expected: torch.Tensor, actual: torch.Tensor, unit: torch.Tensor) -> float:
    """The largest absolute difference in units; NaN in the same place is no difference."""
    same = (expected == actual) | (expected.isnan() & actual.isnan())
    differences = (expected.double() - actual.double()).abs().masked_fill(same, 0.0)
    return float((differences / unit).max())


def _move(file: Path, target: Path) -> Path:
    try:
        with file.open("rb+") as content:
            os.fsync(content.fileno())
        file.replace(target)
    except OSError as error:
        raise to_nnlab_error(error, target) from error
    return target
