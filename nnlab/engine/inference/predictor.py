"""`Predictor`: predictions of one or several models for batches of raw examples."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nnlab.engine.inference.inference_model import InferenceModel

_HALF_PRECISION = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class Predictor:
    """Evaluates models on a device; several models are an ensemble, whose predictions are averaged.

    Results are those of the evaluation during the training: the same preprocessing, the same
    number format, dropout and other noise switched off.
    """

    def __init__(
        self, models: Sequence[InferenceModel], device: torch.device, computation: str = "float32"
    ) -> None:
        """Moves the models to the device.

        Args:
            models: at least one, all with the same inputs and outputs.
            device: where they are evaluated.
            computation: the `dtype` of the run; half precision is used as in its training.
        """
        self._models = [model.eval() for model in models]
        self._device, self._half = device, _HALF_PRECISION.get(computation)
        for model in self._models:
            # The transformation of the inputs stays on the CPU: some devices have no float64.
            model.model.to(device)

    @property
    def num_models(self) -> int:
        """How many models are averaged."""
        return len(self._models)

    @torch.no_grad()
    def outputs(self, examples: NDArray[Any]) -> torch.Tensor:
        """The outputs of the first model itself: logits, or standardised values [n, k]."""
        return self._outputs(self._models[0], torch.from_numpy(np.ascontiguousarray(examples)))

    def prepared(self, examples: NDArray[Any]) -> torch.Tensor:
        """The inputs of the first model, which are the targets of a reconstruction."""
        return self._models[0].prepare(torch.from_numpy(np.ascontiguousarray(examples)))

    @torch.no_grad()
    def __call__(self, examples: NDArray[Any]) -> NDArray[Any]:
        """Probabilities, values [n, k] in the units of the targets, or reconstructions [n, ...].

        Args:
            examples: raw examples [n, *in_shape] of any numeric dtype.
        """
        raw = torch.from_numpy(np.ascontiguousarray(examples))
        total: torch.Tensor | None = None
        for model in self._models:
            converted = model.convert(self._outputs(model, raw).cpu())
            total = converted if total is None else total + converted
        if total is None:
            raise ValueError("a predictor needs a model")
        predictions: NDArray[Any] = (total / len(self._models)).numpy()
        return predictions

    def _outputs(self, model: InferenceModel, raw: torch.Tensor) -> torch.Tensor:
        prepared = model.prepare(raw).to(self._device)
        with self._autocast():
            outputs: torch.Tensor = model.model(prepared)
        return outputs.to(model.dtype)

    def _autocast(self) -> AbstractContextManager[object]:
        if self._half is None:
            return nullcontext()
        return torch.autocast(self._device.type, dtype=self._half)
