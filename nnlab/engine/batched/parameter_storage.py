"""The parameters of all batched runs: one row for each run, one view for each parameter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from nnlab.engine.optimizers.muon import hidden_weight_ids


@dataclass(frozen=True, slots=True)
class ParameterSlice:
    """The position of one parameter in a row: its name, its shape and its columns."""

    name: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class ParameterLayout:
    """The columns of a row: weights of hidden layers, other weights, all other parameters.

    Each rule of an optimizer therefore applies to the columns up to one index: Muon
    orthogonalizes the columns before `hidden_end`, and weight decay applies to those before
    `weights_end`. A row has `size` columns.
    """

    slices: tuple[ParameterSlice, ...]
    hidden_end: int
    weights_end: int
    size: int

    @classmethod
    def of(cls, model: nn.Module) -> "ParameterLayout":
        """The layout for all models that have the parameter shapes of `model`."""
        hidden_ids = hidden_weight_ids(model)
        groups: tuple[list[tuple[str, nn.Parameter]], ...] = ([], [], [])
        for name, parameter in model.named_parameters():
            other_group = 2 if parameter.ndim < 2 else 1
            groups[0 if id(parameter) in hidden_ids else other_group].append((name, parameter))
        slices, group_ends, offset = [], [], 0
        for group in groups:
            for name, parameter in group:
                end = offset + parameter.numel()
                slices.append(ParameterSlice(name, tuple(parameter.shape), offset, end))
                offset = end
            group_ends.append(offset)
        return cls(tuple(slices), *group_ends)


class ParameterStorage:
    """The parameters, gradients and buffers of `num_runs` models that share one layout.

    `values` and `gradients` have the shape [runs, size]. `parameters` and `gradient_views` are
    views of them by name, [runs, *shape]. `buffers` holds the models' buffers, [runs, *shape].
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        """Copies the parameters and buffers of models with the same names and shapes."""
        self.layout = ParameterLayout.of(models[0])
        first = next(models[0].parameters())
        self.values = first.new_empty((len(models), self.layout.size)).detach()
        self.buffers: dict[str, torch.Tensor] = {}
        for row, model in enumerate(models):
            self._copy_row(row, dict(model.named_parameters()))
        for name, _ in models[0].named_buffers():
            self.buffers[name] = torch.stack([model.get_buffer(name) for model in models])
        self._rebuild_views()

    @property
    def num_runs(self) -> int:
        """The number of models."""
        return len(self.values)

    def select_rows(self, rows: torch.Tensor) -> None:
        """Keeps only these rows, in this order."""
        self.values = self.values.index_select(0, rows)
        self.buffers = {name: buffer.index_select(0, rows) for name, buffer in self.buffers.items()}
        self._rebuild_views()

    def views_by_name(self, row: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """Views of the parameters in a row [size] of this layout, by name."""
        return {
            part.name: row[part.begin : part.end].view(part.shape) for part in self.layout.slices
        }

    @torch.no_grad()
    def _copy_row(self, row: int, parameters: Mapping[str, torch.Tensor]) -> None:
        for name, view in self.views_by_name(self.values[row]).items():
            view.copy_(parameters[name])

    def _rebuild_views(self) -> None:
        """Creates the gradients and the views; called whenever `values` is replaced."""
        self.gradients = torch.zeros_like(self.values)
        self.parameters = self._views(self.values)
        self.gradient_views = self._views(self.gradients)

    def _views(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        return {
            part.name: torch.unflatten(rows[:, part.begin : part.end], 1, part.shape)
            for part in self.layout.slices
        }
