"""`StepNoise`: seeds everything random in a training step, so that it depends on the step only."""

import torch
from torch import nn

from nnlab.engine.models.dropout import DropoutBase
from nnlab.engine.seeds import derive_seed


class StepNoise:
    """Seeds the noise of each step of a run over a loader from (seed, epoch, step).

    A run that is resumed inside an epoch therefore draws the same numbers as one that was not
    interrupted.
    """

    def __init__(
        self, module: nn.Module, seed: int, device: torch.device, *, has_user_code: bool
    ) -> None:
        """Finds the layers that draw random numbers.

        Args:
            module: contains all layers.
            seed: of the run.
            device: of the training.
            has_user_code: whether user code may draw from torch's global generators.
        """
        self._layers = [layer for layer in module.modules() if isinstance(layer, DropoutBase)]
        self._seed, self._device = seed, device
        self._has_user_code = has_user_code

    def seed_step(self, epoch: int, step: int) -> None:
        """Seeds a step; epochs count from 1, steps in the epoch from 0."""
        if not self._layers and not self._has_user_code:
            return
        step_seed = derive_seed(self._seed, "user_model", epoch, step)
        for layer in self._layers:
            layer.seed_epoch(step_seed, epoch, self._device)
        if self._has_user_code:
            self._seed_global_generators(step_seed)

    def _seed_global_generators(self, step_seed: int) -> None:
        # torch.manual_seed also formats a stack trace if CUDA is not initialised, which is slow.
        torch.default_generator.manual_seed(step_seed)
        if self._device.type == "cuda":
            with torch.cuda.device(self._device):
                torch.cuda.manual_seed(step_seed)
        elif self._device.type == "mps":
            torch.mps.manual_seed(step_seed)
