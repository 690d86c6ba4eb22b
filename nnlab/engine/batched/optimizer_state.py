"""State of batched runs besides the parameters: optimizer moments, weights of selected epochs."""

from collections.abc import Sequence
from typing import Any

import torch

from nnlab.engine.batched.fused_adam import FUSED_OPTIMIZERS, FusedAdam
from nnlab.engine.batched.optimizer_steps import (
    STATE_NAMES,
    STEP_COUNTING_OPTIMIZERS,
    UPDATE_RULES,
    ScalarOrColumn,
    StepState,
    optimizer_hyperparameters,
    scalar_or_column,
)
from nnlab.engine.batched.parameter_storage import ParameterSlice, ParameterStorage
from nnlab.engine.session import Session

# torch stores the number of steps and the product of nadam's momenta as float32 scalars.
_SCALAR_BYTES = 4


class BatchedOptimizerState:
    """The moments [runs, size] of one optimizer and the number of steps of each run."""

    def __init__(self, sessions: Sequence[Session], storage: ParameterStorage) -> None:
        """Copies the state of the sessions' optimizers, which may come from a checkpoint."""
        self._opt = sessions[0].config.opt
        self._moments = {name: torch.zeros_like(storage.values) for name in STATE_NAMES[self._opt]}
        self._counts = [0] * len(sessions)
        self._momentum_products = [1.0] * len(sessions)  # of nadam's momenta
        for row, session in enumerate(sessions):
            self._load_session_state(row, session, storage)
        self._fused: FusedAdam | None = None

    def set_runs(
        self, sessions: Sequence[Session], storage: ParameterStorage, *, allow_fused: bool
    ) -> None:
        """Configures the update for these runs.

        Args:
            sessions: the runs, in the order of the rows.
            storage: the parameters of the runs.
            allow_fused: whether torch's fused kernel may be used (all columns of a row then have
                the same learning rate).
        """
        configs = [session.config for session in sessions]
        self._hyperparameters = optimizer_hyperparameters(configs, storage.values)
        on_cpu = storage.values.device.type == "cpu"
        self._fused = (
            FusedAdam(self._opt, storage, self._moments, configs)
            if allow_fused and on_cpu and self._opt in FUSED_OPTIMIZERS
            else None
        )

    def step(
        self, storage: ParameterStorage, lr: Sequence[float], factors: torch.Tensor | None
    ) -> None:
        """Updates the parameters of every run from its gradients, which are overwritten.

        Args:
            storage: the parameters and gradients.
            lr: the learning rate of each run.
            factors: the learning rate factor of each column, [1, size]; None if all are 1.
        """
        self._counts = [count + 1 for count in self._counts]
        if self._fused is not None:
            self._fused.step(self._counts, lr)
            return
        state = StepState(
            storage.layout,
            self._moments,
            _float64_column(self._counts, storage.values),
            self._hyperparameters,
            momentum_products=_float64_column(self._momentum_products, storage.values),
            nesterov=self._opt == "nesterov",
        )
        rate = scalar_or_column(lr, storage.values)
        rate = rate if factors is None else rate * factors
        UPDATE_RULES[self._opt](storage.values, storage.gradients, rate, state)
        if self._opt == "nadam":
            self._momentum_products = _to_list(state.momentum_products, len(self._counts))

    def select_rows(self, rows: torch.Tensor) -> None:
        """Keeps only these runs."""
        indices = rows.tolist()
        self._moments = {
            name: moment.index_select(0, rows) for name, moment in self._moments.items()
        }
        self._counts = [self._counts[row] for row in indices]
        self._momentum_products = [self._momentum_products[row] for row in indices]

    def state_bytes(self, session: Session, storage: ParameterStorage) -> int:
        """The size of the state of a single run's optimizer, in bytes."""
        total = 0
        for part in storage.layout.slices:
            names = self._moment_names(part, storage, session)
            total += len(names) * (part.end - part.begin) * storage.values.element_size()
            if self._opt in STEP_COUNTING_OPTIMIZERS and self._opt != "muon":
                total += _SCALAR_BYTES * (2 if self._opt == "nadam" else 1)
        return total

    def write_back_to_session(self, row: int, session: Session, storage: ParameterStorage) -> None:
        """Copies the state of a row to the optimizer of its session."""
        state = session.optimizer.state
        for part in storage.layout.slices:
            parameter = session.model.get_parameter(part.name)
            names = self._moment_names(part, storage, session)
            parameter_state: dict[str, Any] = {
                name: self._moments[name][row, part.begin : part.end].view(part.shape).clone()
                for name in names
            }
            parameter_state |= self._scalar_state(row, part, storage)
            if parameter_state:
                state[parameter] = parameter_state

    def _scalar_state(
        self, row: int, part: ParameterSlice, storage: ParameterStorage
    ) -> dict[str, Any]:
        if self._opt == "muon":
            return {"step": self._counts[row]} if part.begin >= storage.layout.hidden_end else {}
        if self._opt not in STEP_COUNTING_OPTIMIZERS:
            return {}
        scalars: dict[str, Any] = {
            "step": torch.tensor(float(self._counts[row]), dtype=torch.float32)
        }
        if self._opt == "nadam":
            scalars["mu_product"] = torch.tensor(self._momentum_products[row], dtype=torch.float32)
        return scalars

    def _moment_names(
        self, part: ParameterSlice, storage: ParameterStorage, session: Session
    ) -> tuple[str, ...]:
        """The moments that the optimizer of a single run keeps for this parameter."""
        names = STATE_NAMES[self._opt]
        if self._opt == "muon":
            return names[:1] if part.end <= storage.layout.hidden_end else names[1:]
        if self._opt == "rmsprop" and not session.config.momentum:
            return names[:1]
        return names

    def _load_session_state(self, row: int, session: Session, storage: ParameterStorage) -> None:
        for part in storage.layout.slices:
            state = session.optimizer.state.get(session.model.get_parameter(part.name), {})
            for name, moment in self._moments.items():
                if isinstance(state.get(name), torch.Tensor):
                    moment[row, part.begin : part.end] = state[name].flatten()
            if "step" in state:
                self._counts[row] = int(state["step"])
            if "mu_product" in state:
                self._momentum_products[row] = float(state["mu_product"])


class SelectedWeights:
    """The weights [runs, size] and buffers of each run's best epoch so far."""

    def __init__(self, sessions: Sequence[Session], storage: ParameterStorage) -> None:
        """Copies the weights that the sessions have selected so far."""
        self._values = storage.values.clone()
        self._buffers = {name: buffer.clone() for name, buffer in storage.buffers.items()}
        for row, session in enumerate(sessions):
            weights = session.selected_weights
            if weights:
                for name, view in storage.views_by_name(self._values[row]).items():
                    view.copy_(weights[name])
                for name, buffer in self._buffers.items():
                    buffer[row] = weights[name]

    def update(self, rows: Sequence[int], storage: ParameterStorage) -> None:
        """Stores the current weights of these runs."""
        if len(rows) == storage.num_runs:
            self._values.copy_(storage.values)
            for name, buffer in self._buffers.items():
                buffer.copy_(storage.buffers[name])
        elif rows:
            index = torch.tensor(rows, device=self._values.device)
            self._values[index] = storage.values[index]
            for name, buffer in self._buffers.items():
                buffer[index] = storage.buffers[name][index]

    def select_rows(self, rows: torch.Tensor) -> None:
        """Keeps only these runs."""
        self._values = self._values.index_select(0, rows)
        self._buffers = {
            name: buffer.index_select(0, rows) for name, buffer in self._buffers.items()
        }

    def write_back_to_session(self, row: int, session: Session, storage: ParameterStorage) -> None:
        """Copies the selected weights of a row to its session, if an epoch was selected."""
        if session.selected_epoch == 0:
            return
        views = storage.views_by_name(self._values[row])
        weights = {name: view.clone() for name, view in views.items()}
        weights |= {name: buffer[row].clone() for name, buffer in self._buffers.items()}
        session.selected_weights = {name: weights[name] for name in session.model.state_dict()}


def _float64_column(numbers: Sequence[float], like: torch.Tensor) -> ScalarOrColumn:
    """One number if all are equal, else a column [runs, 1] in double precision."""
    if len(set(numbers)) == 1:
        return numbers[0]
    return torch.tensor(numbers, dtype=torch.float64, device=like.device)[:, None]


def _to_list(value: ScalarOrColumn, count: int) -> list[float]:
    if isinstance(value, torch.Tensor):
        return [float(number) for number in value.flatten().tolist()]
    return [float(value)] * count
