"""Where a stack keeps its numbers: one row for each run, one view for each parameter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from nnlab.engine.optimizers.muon import hidden_weight_ids


@dataclass(frozen=True, slots=True)
class ParameterSlice:
    """Where a parameter lies in a row: its name, its shape and its columns."""

    name: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class ParameterLayout:
    """The columns of a row: weights of hidden layers, then other weights, then all the rest.

    So each rule of an optimizer (Muon turns hidden weights, only weights decay) concerns the
    columns up to one place. `hidden` and `weights` are these places, `size` is the whole.
    """

    slots: tuple[ParameterSlice, ...]
    hidden: int
    weights: int
    size: int

    @classmethod
    def of(cls, model: nn.Module) -> "ParameterLayout":
        """The layout of a model and of all that have its shapes."""
        matrices = hidden_weight_ids(model)
        parts: tuple[list[tuple[str, nn.Parameter]], ...] = ([], [], [])
        for name, parameter in model.named_parameters():
            rest = 2 if parameter.ndim < 2 else 1
            parts[0 if id(parameter) in matrices else rest].append((name, parameter))
        slots, ends, place = [], [], 0
        for part in parts:
            for name, parameter in part:
                slots.append(
                    ParameterSlice(name, tuple(parameter.shape), place, place + parameter.numel())
                )
                place += parameter.numel()
            ends.append(place)
        return cls(tuple(slots), *ends)


class ParameterStorage:
    """The numbers of `count` models of one layout.

    `values` and `gradients` are [count, size]; `parameters` and `slopes` are views of them by
    name, [count, *shape]; `buffers` hold what else the models keep, [count, *shape].
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        """Copies the models' numbers, which must have the same names and shapes."""
        self.layout = ParameterLayout.of(models[0])
        first = next(models[0].parameters())
        self.values = first.new_empty((len(models), self.layout.size)).detach()
        self.buffers: dict[str, torch.Tensor] = {}
        for row, model in enumerate(models):
            self._take(row, dict(model.named_parameters()))
        for name, _ in models[0].named_buffers():
            self.buffers[name] = torch.stack([model.get_buffer(name) for model in models])
        self._arrange()

    @property
    def count(self) -> int:
        """How many models there are."""
        return len(self.values)

    def keep(self, rows: torch.Tensor) -> None:
        """Closes the ranks: only these rows stay, in this order."""
        self.values = self.values.index_select(0, rows)
        self.buffers = {name: kept.index_select(0, rows) for name, kept in self.buffers.items()}
        self._arrange()

    def named(self, row: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """The parameters in a row [size] of this layout, by name, as views."""
        slots = self.layout.slots
        return {slot.name: row[slot.begin : slot.end].view(slot.shape) for slot in slots}

    @torch.no_grad()
    def _take(self, row: int, parameters: Mapping[str, torch.Tensor]) -> None:
        for name, place in self.named(self.values[row]).items():
            place.copy_(parameters[name])

    def _arrange(self) -> None:
        """Makes the views anew; called whenever `values` is another tensor."""
        self.gradients = torch.zeros_like(self.values)
        self.parameters = self._views(self.values)
        self.slopes = self._views(self.gradients)

    def _views(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        return {
            slot.name: torch.unflatten(rows[:, slot.begin : slot.end], 1, slot.shape)
            for slot in self.layout.slots
        }
