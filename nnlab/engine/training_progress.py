"""`TrainingProgress`: how far a run is trained, and its best epoch; the base of both sessions."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch

from nnlab.engine.epoch_selection import is_better_epoch
from nnlab.objective import Objective
from nnlab.records import Status
from nnlab.settings import RunConfig, parse_duration


@dataclass(slots=True, kw_only=True)
class TrainingProgress:
    """How far a run is trained, how it ended, and its best epoch.

    `epoch` is the last finished epoch, 0 before the first, and `val_losses` has the val/loss of
    each finished epoch. `selected_epoch` is the best epoch, with the objective `selected_value`,
    the val/loss `selected_loss` and the weights `selected_weights`. `improved_epoch` is the last
    epoch that improved the objective itself; patience counts from there, since a tie is not an
    improvement. `breaks_ties` is False only if a run is retrained whose epoch was selected without
    breaking ties. `step` counts the finished steps of the unfinished epoch, of runs that can be
    saved inside an epoch. `earlier_seconds` is the training time of the attempts before this one.
    """

    config: RunConfig
    epoch: int = 0
    val_losses: list[float] = field(default_factory=list)
    selected_epoch: int = 0
    selected_value: float = math.nan
    selected_loss: float = math.nan
    improved_epoch: int = 0
    breaks_ties: bool = True
    selected_weights: dict[str, torch.Tensor] = field(default_factory=dict)
    step: int = 0
    earlier_seconds: float = 0.0
    started: float | None = None
    status: Status = Status.RUNNING
    reason: str | None = None

    @property
    def is_done(self) -> bool:
        """Whether training has ended: the last epoch is finished, or patience is exhausted."""
        patience = self.config.early_stop
        waited = self.epoch - self.improved_epoch
        return self.epoch >= self.config.epochs or (0 < patience <= waited)

    @property
    def trained_seconds(self) -> float:
        """The training time of all attempts so far, in seconds."""
        current = 0.0 if self.started is None else time.perf_counter() - self.started
        return self.earlier_seconds + current

    @property
    def is_out_of_time(self) -> bool:
        """Whether the limit of `--max-time` is reached."""
        if self.config.max_time is None:
            return False
        return self.trained_seconds >= (parse_duration(self.config.max_time) or math.inf)

    @property
    def position(self) -> tuple[int, int]:
        """The finished epochs, and the finished steps of the unfinished epoch."""
        return self.epoch, self.step

    @property
    def can_save(self) -> bool:
        """Whether a run can be resumed from its current position."""
        return True

    def start_clock(self) -> None:
        """Training begins; the time to load data and build the model does not count."""
        if self.started is None:
            self.started = time.perf_counter()

    def ends_early(self, train_loss: float, should_stop: Callable[[], bool]) -> bool:
        """Whether the run ends after the epoch `epoch`, although it is not done; sets its status.

        Args:
            train_loss: of this epoch.
            should_stop: whether training is to be interrupted.
        """
        if not math.isfinite(train_loss):
            self.status = Status.DIVERGED
            self.reason = f"train/loss is {train_loss} at epoch {self.epoch}"
            return True
        if not self.is_done and self.finish_out_of_time():
            return True
        if should_stop() and not self.is_done:
            self.status = Status.INTERRUPTED
            return True
        return False

    def finish_out_of_time(self) -> bool:
        """Ends the run if the limit of `--max-time` is reached; returns whether it is."""
        if not self.is_out_of_time:
            return False
        self.status = Status.FINISHED
        self.reason = f"--max-time {self.config.max_time} is reached after epoch {self.epoch}"
        return True

    def update_selected_epoch(self, values: Mapping[str, float]) -> bool:
        """Whether the epoch that has just finished is the best so far; stores its values if it is.

        The caller stores the weights.

        Args:
            values: the metrics of the epoch `epoch`.
        """
        objective = Objective.parse(self.config.objective or "")
        value, loss = values[objective.metric], values.get("val/loss", math.nan)
        if self.selected_epoch == 0 or objective.is_better(value, self.selected_value):
            self.improved_epoch = self.epoch
        elif not is_better_epoch(
            objective,
            (value, loss),
            (self.selected_value, self.selected_loss),
            breaks_ties=self.breaks_ties,
        ):
            return False
        self.selected_epoch, self.selected_value, self.selected_loss = self.epoch, value, loss
        return True

    def save_selected_weights(self, state: Mapping[str, torch.Tensor]) -> None:
        """Copies a state_dict as the weights of the selected epoch."""
        if not self.selected_weights:
            self.selected_weights = {name: tensor.clone() for name, tensor in state.items()}
        for name, tensor in state.items():
            self.selected_weights[name].copy_(tensor)
