"""The training loop over loaders: trains a `TrainingTask` step by step, and epoch by epoch.

session = build_loader_session(config)
for epoch in train(session):
    ...                      # store it, show it
session.test()               # evaluates the test split once, at the selected epoch
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import torch

from nnlab.engine import transfer
from nnlab.engine.device_batch import to_device
from nnlab.engine.gradient_step import backward, clip_gradients, update_weights
from nnlab.engine.loader_session import LoaderSession, build_loader_session
from nnlab.engine.optimizers import optimizer_state_bytes, set_lr
from nnlab.engine.schedules import Schedule, build_schedule
from nnlab.records import Epoch, Status

__all__ = ["LoaderSession", "build_loader_session", "train"]


_NO_RECORDING = nullcontext()


def _never(_: LoaderSession) -> bool:
    return False


def train(
    session: LoaderSession,
    should_stop: Callable[[], bool] = lambda: False,
    on_step: Callable[[LoaderSession], bool] = _never,
) -> Iterator[Epoch]:
    """Trains until the last epoch, an early stop, a divergence or a request to stop.

    Yields each epoch after it is finished and evaluated. `session.status` says afterwards how
    training ended.

    Args:
        session: new, or restored from a checkpoint, which may have been saved inside an epoch.
        should_stop: called after each epoch; training is interrupted when it returns True.
        on_step: called between the steps of an epoch, where the session may be saved; training is
            interrupted when it returns True.
    """
    session.start_clock()
    while not session.is_done:
        started = time.perf_counter() - session.epoch_seconds
        number = session.epoch + 1
        values = _train_epoch(session, number, started, on_step)
        if values is None:
            session.status = Status.INTERRUPTED
            return
        with session.averaged_weights():
            values |= session.evaluate(session.data.val, "val")
            session.check_objective(values)
            session.epoch, session.step, session.epoch_seconds = number, 0, 0.0
            session.val_losses.append(values.get("val/loss", math.nan))
            if session.update_selected_epoch(values):
                session.save_selected_weights(session.model.state_dict())
        session.task.after_epoch(values)
        session.task.reset("train")
        yield Epoch(number, values, time.perf_counter() - started)
        if session.ends_early(values.get("train/loss", 0.0), should_stop):
            return
    session.status = Status.FINISHED


def _train_epoch(
    session: LoaderSession,
    number: int,
    started: float,
    on_step: Callable[[LoaderSession], bool],
) -> dict[str, float] | None:
    """Trains on the remaining batches of an epoch; returns its metrics, None if it was stopped."""
    config, task, cursor = session.config, session.task, session.cursor
    steps = session.steps_per_epoch
    schedule = build_schedule(config, steps or 1, session.val_losses)
    _prepare_epoch(session, number)
    if session.step == 0:
        task.reset("train")
        if session.probe is not None:
            session.probe.start_epoch()
    batches = (
        cursor.read_pass()
        if config.steps is None
        else cursor.read_steps((steps or 0) - session.step)
    )
    for batch in batches:
        session.last_lr = _set_lr(session, schedule, number, steps)
        session.last_norm = _train_step(session, batch, number)
        session.step += 1
        session.epoch_seconds = time.perf_counter() - started
        if on_step(session):
            return None
    if session.weight_average is not None:
        session.weight_average.after_epoch(session.model, number)
    values = {f"train/{name}": value for name, value in task.logged("train").items()}
    values["cost/state_bytes"] = float(sum(map(optimizer_state_bytes, task.optimizers)))
    if not task.steps_itself:
        values["train/grad_norm"] = session.gradient_norm()
    if session.last_lr is not None:
        values["lr"] = session.last_lr
    if session.probe is not None:
        values |= session.probe.metrics()
    return values


def _prepare_epoch(session: LoaderSession, number: int) -> None:
    """Sets the modes of the model and its frozen layers for an epoch."""
    config, model = session.config, session.model
    session.task.epoch = number
    model.train()
    if config.freeze is not None:
        if 0 < config.unfreeze_at < number:
            transfer.unfreeze(model)
        else:
            transfer.set_frozen_to_eval(model, config.freeze)


def _set_lr(
    session: LoaderSession, schedule: Schedule, number: int, steps: int | None
) -> float | None:
    """Sets the learning rate of the next step; returns it, None if the task sets its own.

    If the number of steps of an epoch is unknown, the rate is that of the start of the epoch.
    """
    lr = session.config.lr
    if lr is None or not session.task.uses_setting_optimizer:
        return None
    progress = 0.0 if steps is None else session.step / steps
    lr *= schedule(number - 1 + progress)
    set_lr(session.optimizer, lr)
    return lr


def _train_step(session: LoaderSession, batch: Any, number: int) -> torch.Tensor | None:
    """Trains on one batch; returns the norm of the gradients where they are clipped."""
    config, task = session.config, session.task
    session.noise.seed_step(number, session.step)
    first_step_probe = session.probe if number == 1 and session.step == 0 else None
    with (
        session.autocast(),
        first_step_probe.record_first_step() if first_step_probe is not None else _NO_RECORDING,
    ):
        loss = task.training_step(to_device(batch, session.device), session.step)
    norm = None
    if loss is not None and session.unwrapped_step is not None:
        backward(loss, session.optimizer, penalty=session.penalty, scaler=session.scaler)
        if first_step_probe is not None:
            first_step_probe.after_first_backward()
        # A scaler leaves scaled gradients behind, unless they are unscaled here.
        if config.clip > 0 or config.clip_value > 0 or session.scaler is not None:
            norm = clip_gradients(config, session.model, session.optimizer, session.scaler)
        update_weights(session.config, session.optimizer, session.unwrapped_step, session.scaler)
    task.after_step()
    if session.weight_average is not None:
        session.weight_average.after_step(session.model)
    return norm
