"""The transformation of the inputs as JSON, with every number exact."""

import base64
import binascii
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.preprocessing import Affine, InputTransform, Whitening, unchanged
from nnlab.engine.inference.checked_json import CheckedJson
from nnlab.errors import CheckpointError


def transform_to_json(transform: InputTransform) -> dict[str, Any]:
    """The kind and the parameters of a transformation.

    An infinite scale, which makes a constant feature 0, is None: JSON has no infinity. The matrix
    of a whitening is base64 of little-endian float64, because it may have millions of numbers.
    """
    if isinstance(transform, Affine):
        scale = np.broadcast_to(transform.scale, transform.shift.shape)
        return {
            "kind": "affine",
            "shape": list(transform.shift.shape),
            "shift": transform.shift.ravel().tolist(),
            "scale": [x if math.isfinite(x) else None for x in scale.ravel().tolist()],
        }
    if isinstance(transform, Whitening):
        matrix = np.ascontiguousarray(transform.matrix, "<f8")
        return {
            "kind": "whitening",
            "mean": transform.mean.ravel().tolist(),
            "matrix": base64.b64encode(matrix.tobytes()).decode(),
        }
    if transform is not unchanged:
        raise TypeError(f"the transformation {transform!r} cannot be stored")
    return {"kind": "none"}


def transform_from_json(stored: CheckedJson, in_shape: tuple[int, ...]) -> InputTransform:
    """The transformation that `transform_to_json` describes, for examples of a shape.

    Raises:
        CheckpointError: the parameters are damaged, or do not fit the shape.
    """
    kind = stored.text("kind", ("none", "affine", "whitening"))
    if kind == "affine":
        return _parse_affine(stored, in_shape)
    if kind == "whitening":
        return _parse_whitening(stored, in_shape)
    return unchanged


def _parse_affine(stored: CheckedJson, in_shape: tuple[int, ...]) -> Affine:
    shape = stored.shape("shape", math.prod(in_shape))
    fits = len(shape) == len(in_shape) + 1 and shape[0] == 1
    if not fits or any(n not in (1, m) for n, m in zip(shape[1:], in_shape, strict=True)):
        raise CheckpointError(
            f"{stored.name}: parameters of shape {list(shape)} do not fit {list(in_shape)}"
        )
    shift, scale = stored.numbers("shift"), stored.numbers("scale", null=math.inf)
    if len(shift) != math.prod(shape) or len(scale) != math.prod(shape):
        raise CheckpointError(f"{stored.name}: it needs {math.prod(shape)} shifts and scales")
    return Affine(np.array(shift).reshape(shape), np.array(scale).reshape(shape))


def _parse_whitening(stored: CheckedJson, in_shape: tuple[int, ...]) -> Whitening:
    features = math.prod(in_shape)
    mean = stored.numbers("mean")
    try:
        content = base64.b64decode(stored.text("matrix"), validate=True)
    except (binascii.Error, ValueError):
        raise CheckpointError(f"{stored.name}: 'matrix' is not base64") from None
    if len(mean) != features or len(content) != 8 * features * features:
        raise CheckpointError(f"{stored.name}: a whitening of {features} features is expected")
    matrix: NDArray[np.float64] = np.frombuffer(content, "<f8").astype(np.float64)
    return Whitening(np.array(mean), matrix.reshape(features, features))
