"""What a stack keeps beside the weights: moments of the optimizer, weights of selected epochs."""

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

# torch keeps the number of steps, and the product of nadam's momenta, as float32 tensors.
_SCALAR_BYTES = 4


class BatchedOptimizerState:
    """The moments [runs, size] of one optimizer, and how many steps each run has taken."""

    def __init__(self, sessions: Sequence[Session], storage: ParameterStorage) -> None:
        """Takes over what the sessions' own optimizers hold, from a checkpoint for one."""
        self._opt = sessions[0].config.opt
        self._moments = {name: torch.zeros_like(storage.values) for name in STATE_NAMES[self._opt]}
        self._counts = [0] * len(sessions)
        self._momentum_products = [1.0] * len(sessions)  # of nadam's momenta
        for row, session in enumerate(sessions):
            self._take(row, session, storage)
        self._fused: FusedAdam | None = None

    def set_runs(
        self, sessions: Sequence[Session], storage: ParameterStorage, *, fuses: bool
    ) -> None:
        """Makes ready for the runs that are there; with `fuses` torch's kernels may be used."""
        configs = [session.config for session in sessions]
        self._numbers = optimizer_hyperparameters(configs, storage.values)
        on_cpu = storage.values.device.type == "cpu"
        self._fused = (
            FusedAdam(self._opt, storage, self._moments, configs)
            if fuses and on_cpu and self._opt in FUSED_OPTIMIZERS
            else None
        )

    def step(
        self, storage: ParameterStorage, lr: Sequence[float], factors: torch.Tensor | None
    ) -> None:
        """One update of every run by its gradients, which are used up.

        Args:
            storage: the stack's numbers.
            lr: of each run.
            factors: times that each column's is larger, [1, size], or None.
        """
        self._counts = [count + 1 for count in self._counts]
        if self._fused is not None:
            self._fused.step(self._counts, lr)
            return
        steps = StepState(
            storage.layout,
            self._moments,
            _float64_column(self._counts, storage.values),
            self._numbers,
            products=_float64_column(self._momentum_products, storage.values),
            nesterov=self._opt == "nesterov",
        )
        rate = scalar_or_column(lr, storage.values)
        rate = rate if factors is None else rate * factors
        UPDATE_RULES[self._opt](storage.values, storage.gradients, rate, steps)
        if self._opt == "nadam":
            self._momentum_products = _to_list(steps.products, len(self._counts))

    def keep(self, rows: torch.Tensor) -> None:
        """Only these runs stay."""
        stay = rows.tolist()
        self._moments = {name: kept.index_select(0, rows) for name, kept in self._moments.items()}
        self._counts = [self._counts[row] for row in stay]
        self._momentum_products = [self._momentum_products[row] for row in stay]

    def bytes_of(self, session: Session, storage: ParameterStorage) -> int:
        """What `state_bytes` says of a run's own optimizer."""
        total = 0
        for slot in storage.layout.slots:
            names = self._moment_names(slot, storage, session)
            total += len(names) * (slot.end - slot.begin) * storage.values.element_size()
            if self._opt in STEP_COUNTING_OPTIMIZERS and self._opt != "muon":
                total += _SCALAR_BYTES * (2 if self._opt == "nadam" else 1)
        return total

    def write_back_to_session(self, row: int, session: Session, storage: ParameterStorage) -> None:
        """Gives a session's own optimizer the state that it would have alone."""
        state = session.optimizer.state
        for slot in storage.layout.slots:
            parameter = session.model.get_parameter(slot.name)
            names = self._moment_names(slot, storage, session)
            found: dict[str, Any] = {
                name: self._moments[name][row, slot.begin : slot.end].view(slot.shape).clone()
                for name in names
            }
            found |= self._scalar_state(row, slot, storage)
            if found:
                state[parameter] = found

    def _scalar_state(
        self, row: int, slot: ParameterSlice, storage: ParameterStorage
    ) -> dict[str, Any]:
        if self._opt == "muon":
            return {"step": self._counts[row]} if slot.begin >= storage.layout.hidden else {}
        if self._opt not in STEP_COUNTING_OPTIMIZERS:
            return {}
        scalars: dict[str, Any] = {
            "step": torch.tensor(float(self._counts[row]), dtype=torch.float32)
        }
        if self._opt == "nadam":
            scalars["mu_product"] = torch.tensor(self._momentum_products[row], dtype=torch.float32)
        return scalars

    def _moment_names(
        self, slot: ParameterSlice, storage: ParameterStorage, session: Session
    ) -> tuple[str, ...]:
        """The moments that this parameter of a run has alone."""
        names = STATE_NAMES[self._opt]
        if self._opt == "muon":
            return names[:1] if slot.end <= storage.layout.hidden else names[1:]
        if self._opt == "rmsprop" and not session.config.momentum:
            return names[:1]
        return names

    def _take(self, row: int, session: Session, storage: ParameterStorage) -> None:
        for slot in storage.layout.slots:
            state = session.optimizer.state.get(session.model.get_parameter(slot.name), {})
            for name, kept in self._moments.items():
                if isinstance(state.get(name), torch.Tensor):
                    kept[row, slot.begin : slot.end] = state[name].flatten()
            if "step" in state:
                self._counts[row] = int(state["step"])
            if "mu_product" in state:
                self._momentum_products[row] = float(state["mu_product"])


class SelectedWeights:
    """The weights [runs, size] of each run's best epoch so far, and its buffers."""

    def __init__(self, sessions: Sequence[Session], storage: ParameterStorage) -> None:
        """Takes over what the sessions have selected before."""
        self._values = storage.values.clone()
        self._buffers = {name: kept.clone() for name, kept in storage.buffers.items()}
        for row, session in enumerate(sessions):
            kept = session.selected_weights
            if kept:
                for name, place in storage.named(self._values[row]).items():
                    place.copy_(kept[name])
                for name, buffers in self._buffers.items():
                    buffers[row] = kept[name]

    def take(self, rows: Sequence[int], storage: ParameterStorage) -> None:
        """Selects the weights that these runs have now."""
        if len(rows) == storage.count:
            self._values.copy_(storage.values)
            for name, kept in self._buffers.items():
                kept.copy_(storage.buffers[name])
        elif rows:
            chosen = torch.tensor(rows, device=self._values.device)
            self._values[chosen] = storage.values[chosen]
            for name, kept in self._buffers.items():
                kept[chosen] = storage.buffers[name][chosen]

    def keep(self, rows: torch.Tensor) -> None:
        """Only these runs stay."""
        self._values = self._values.index_select(0, rows)
        self._buffers = {name: kept.index_select(0, rows) for name, kept in self._buffers.items()}

    def write_back_to_session(self, row: int, session: Session, storage: ParameterStorage) -> None:
        """Gives a session what it would have selected alone, if it has selected anything."""
        if session.selected_epoch == 0:
            return
        found = {name: view.clone() for name, view in storage.named(self._values[row]).items()}
        found |= {name: kept[row].clone() for name, kept in self._buffers.items()}
        session.selected_weights = {name: found[name] for name in session.model.state_dict()}


def _float64_column(numbers: Sequence[float], like: torch.Tensor) -> ScalarOrColumn:
    """One number where all are alike, else [runs, 1] in double precision."""
    if len(set(numbers)) == 1:
        return numbers[0]
    return torch.tensor(numbers, dtype=torch.float64, device=like.device)[:, None]


def _to_list(numbers: ScalarOrColumn, count: int) -> list[float]:
    if isinstance(numbers, torch.Tensor):
        return [float(number) for number in numbers.flatten().tolist()]
    return [float(numbers)] * count
