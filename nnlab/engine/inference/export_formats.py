"""The formats of exported models: how each is written, and loaded again for the check."""

import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from nnlab.engine.checkpoint import serialize_weights
from nnlab.engine.inference.inference_model import InferenceModel, build_model
from nnlab.engine.inference.model_description import (
    ModelDescription,
    parse_description,
    serialize_description,
)
from nnlab.engine.transfer import read_weights
from nnlab.errors import UsageError

# From raw examples [n, ...] to outputs [n, outputs].
ModelFunction = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """One format of an exported model.

    `serialize` returns the content of the exported file, from an example batch of inputs; `load`
    reads the file again. `tolerance` is the largest allowed difference of outputs of float32
    models, relative to 1 or the largest output (for regression to the spread of the target).
    `packages` must be installed.
    `has_description_file` is whether the description of the model is a file of its own.
    """

    name: str
    serialize: Callable[[InferenceModel, ModelDescription, torch.Tensor], bytes]
    load: Callable[[InferenceModel, Path], ModelFunction]
    tolerance: float
    packages: tuple[str, ...] = ()
    has_description_file: bool = False

    def files(
        self,
        model: InferenceModel,
        description: ModelDescription,
        example: torch.Tensor,
        path: Path,
    ) -> Mapping[Path, bytes]:
        """The content of each file that an export to `path` consists of."""
        files = {path: self.serialize(model, description, example)}
        if self.has_description_file:
            files[description_path(path)] = serialize_description(description)
        return files


def find_export_format(path: Path) -> ExportFormat:
    """The format that the suffix of a file names.

    Raises:
        UsageError: there is no such format, or its packages are not installed.
    """
    export_format = FORMATS.get(path.suffix.lower())
    if export_format is None:
        raise UsageError(
            f"--output {path}: models are not exported as '{path.suffix}'",
            hint=f"the name ends in {', '.join(FORMATS)}",
        )
    missing = [name for name in export_format.packages if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"--output {path}: {export_format.name} needs the packages {', '.join(missing)}",
            hint="pip install 'nnlab[onnx]'",
        )
    return export_format


def description_path(path: Path) -> Path:
    """The description beside exported weights: `net.json` beside `net.safetensors`."""
    return path.with_suffix(".json")


def _serialize_program(
    model: InferenceModel, description: ModelDescription, example: torch.Tensor
) -> bytes:
    # In memory, because torch's writer of files aborts the process when the disk is full.
    buffer = io.BytesIO()
    batch = torch.export.Dim("batch")
    program = torch.export.export(model, (example,), dynamic_shapes=({0: batch},))
    extra_files = {"model.json": serialize_description(description).decode()}
    torch.export.save(program, buffer, extra_files=extra_files)
    return buffer.getvalue()


def _load_program(_: InferenceModel, path: Path) -> ModelFunction:
    function: ModelFunction = torch.export.load(path).module()
    return function


def _serialize_onnx(
    model: InferenceModel, description: ModelDescription, example: torch.Tensor
) -> bytes:
    with _without_exporter_messages():
        program = torch.onnx.export(
            model,
            (example,),
            dynamo=True,
            input_names=["input"],
            output_names=["output"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("torch.onnx.export returned no program")
    program.model.metadata_props["nnlab"] = serialize_description(description).decode()
    content: bytes = program.model_proto.SerializeToString()
    return content


@contextmanager
def _without_exporter_messages() -> Iterator[None]:
    """Hides the messages of the ONNX exporter about packages that are not needed."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _load_onnx(_: InferenceModel, path: Path) -> ModelFunction:
    import onnxruntime  # optional, checked by `find_export_format`

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def function(examples: torch.Tensor) -> torch.Tensor:
        (outputs,) = session.run(None, {"input": examples.numpy()})
        return torch.from_numpy(outputs)

    return function


def _serialize_safetensors(
    model: InferenceModel, description: ModelDescription, example: torch.Tensor
) -> bytes:
    del description, example
    return serialize_weights(model.model.state_dict())


def _load_safetensors(model: InferenceModel, path: Path) -> ModelFunction:
    json_path = description_path(path)
    description = parse_description(json_path.read_bytes(), str(json_path))
    weights: dict[str, Any] = dict(read_weights(path))
    rebuilt = build_model(description, weights, str(path))
    return InferenceModel(rebuilt, description, raw=model.raw).eval()


FORMATS: Mapping[str, ExportFormat] = {
    ".pt2": ExportFormat("a torch.export program", _serialize_program, _load_program, 1e-5),
    ".onnx": ExportFormat(
        "ONNX", _serialize_onnx, _load_onnx, 1e-4, ("onnx", "onnxscript", "onnxruntime")
    ),
    ".safetensors": ExportFormat(
        "safetensors", _serialize_safetensors, _load_safetensors, 1e-5, has_description_file=True
    ),
}
