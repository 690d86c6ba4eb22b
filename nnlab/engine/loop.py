"""The training loop: one run from its config to its last epoch, read from top to bottom.

session = start(config)
for epoch in train(session):
    ...                      # store it, show it, save a checkpoint
session.test()               # the test split, opened once, at the selected epoch
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext

import torch
from torch import nn

from nnlab.engine import transfer
from nnlab.engine.batches import batch_bounds
from nnlab.engine.models import seed_model_noise
from nnlab.engine.optimizers import ClosureOptimizer, gradient_norm, optimizer_state_bytes, set_lr
from nnlab.engine.probe import Probe
from nnlab.engine.schedules import build_schedule
from nnlab.engine.seeds import derive_seed, make_generator
from nnlab.engine.session import Session, build_session, prefix_metrics
from nnlab.records import Epoch, Status

__all__ = ["Session", "build_session", "train"]

_NO_RECORDING = nullcontext()


def train(session: Session, should_stop: Callable[[], bool] = lambda: False) -> Iterator[Epoch]:
    """Trains until the last epoch, an early stop, a divergence or a request to stop.

    Yields every epoch once it is finished and evaluated; `session.status` tells in the end how
    it ended. `should_stop` is asked between epochs.
    """
    while not session.done:
        started = time.perf_counter()
        number = session.epoch + 1
        probe = (
            session.probe
            if session.probe is not None and session.probe.measures_epoch(number)
            else None
        )
        values = probe.measure_before_training() if probe is not None and number == 1 else {}
        values |= _train_epoch(session, number, probe)
        with session.averaged_weights():
            with probe.record_evaluation() if probe is not None else _NO_RECORDING:
                values |= prefix_metrics("val", session.measure(session.data.val))
            if session.config.exact_train:
                exact = session.measure(session.data.train)
                values |= {f"train/{name}_exact": value for name, value in exact.items()}
            session.epoch = number
            session.val_losses.append(values["val/loss"])
            if session.select(values):
                _save_selected_weights(session)
        if probe is not None:
            values |= probe.measure()
        yield Epoch(number, values, time.perf_counter() - started)
        if not math.isfinite(values["train/loss"]):
            session.status = Status.DIVERGED
            session.reason = f"train/loss is {values['train/loss']} at epoch {number}"
            return
        if should_stop() and not session.done:
            session.status = Status.INTERRUPTED
            return
    session.status = Status.FINISHED


def _train_epoch(session: Session, number: int, probe: Probe | None) -> dict[str, float]:
    """One pass over the training split; the metrics are those met on the way."""
    config, train_part = session.config, session.data.train
    bounds = batch_bounds(len(train_part), session.batch_size)
    schedule = build_schedule(config, len(bounds), session.val_losses)
    order = torch.randperm(len(train_part), generator=make_generator(config.seed, "order", number))
    order = order.to(session.device)
    met = EpochAccumulator(session, order)
    draw = prepare_epoch(session, number)
    step_look = probe if probe is not None and probe.measures_last_step(number) else None
    lr = norm = None
    for index, (begin, end) in enumerate(bounds):
        rows = order[begin:end]
        examples = train_part.examples.index_select(0, rows)
        targets = train_part.targets.index_select(0, rows)
        if session.augment is not None and draw is not None:
            examples = session.augment(examples, draw)
        if session.mix is not None and draw is not None:
            examples, targets = session.mix(examples, targets, draw)
        blended = targets
        if session.team is not None:
            own = session.team.take(end - begin)
            examples, targets = examples[own], targets[own]
        last = end == len(train_part)
        if config.lr is not None:
            lr = config.lr * schedule(number - 1 + index / len(bounds))
            set_lr(session.optimizer, lr)
        look = step_look if last else None
        if look is not None:
            look.before_last_step()
        if isinstance(session.optimizer, ClosureOptimizer):
            outputs = _closure_step(session, number, examples, targets)
        else:
            with look.record_last_step() if look is not None else _NO_RECORDING:
                outputs = forward_backward(session, examples, targets)
            if last or config.clip > 0 or config.clip_value > 0:
                norm = _clip_gradients(session)
            optimizer_step(session)
        if session.average is not None:
            session.average.after_step(session.model)
        # Metrics wait for the end of the epoch: read there at once, they cost a copy a step.
        met.note(begin, end, outputs, blended)
    if session.team is not None:
        session.team.broadcast_buffers(session.model)
    if step_look is not None:
        step_look.after_last_step()
    if session.average is not None:
        session.average.after_epoch(session.model, number)
    values = met.values()
    values |= _cost_metrics(session)
    if norm is not None:
        values["train/grad_norm"] = norm.item()
    if lr is not None:
        values["lr"] = lr
    return values


def prepare_epoch(session: Session, number: int) -> torch.Generator | None:
    """Readies the model for an epoch; the generator is that of what is done to the examples."""
    config, model = session.config, session.model
    model.train()
    if config.freeze is not None:
        if 0 < config.unfreeze_at < number:
            transfer.unfreeze(model)
        else:
            transfer.set_frozen_to_eval(model, config.freeze)
    seed_model_noise(model, config.seed, number, session.device)
    if isinstance(session.optimizer, ClosureOptimizer):
        session.optimizer.reset_evaluation_counts()
    if session.augment is None and session.mix is None:
        return None
    draw = torch.Generator(session.device)
    return draw.manual_seed(derive_seed(config.seed, "augment", number))


def forward_backward(
    session: Session, examples: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    """The gradient of one batch; returns what the model put out for it."""
    with session.autocast():
        outputs = session.forward(examples)
        loss = session.loss(outputs, targets)
    if session.team is not None:
        loss = session.team.scale_loss(loss)
    if session.penalty is not None:
        loss = loss + session.penalty()
    session.optimizer.zero_grad(set_to_none=True)
    scaled = loss if session.scaler is None else session.scaler.scale(loss)
    scaled.backward()  # type: ignore[no-untyped-call]
    return outputs


def _closure_step(
    session: Session, number: int, examples: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    """A step of an optimizer that asks for the loss several times; the masks stay the same."""
    first: list[torch.Tensor] = []

    def loss_of() -> torch.Tensor:
        seed_model_noise(session.model, session.config.seed, number, session.device)
        with session.autocast():
            outputs = session.forward(examples)
            loss = session.loss(outputs, targets)
        if not first:
            first.append(outputs.detach())
        return loss if session.penalty is None else loss + session.penalty()

    assert isinstance(session.optimizer, ClosureOptimizer)
    session.optimizer.step(loss_of)
    return first[0]


class EpochAccumulator:
    """What an epoch puts out batch by batch, and what that is worth in the end."""

    def __init__(self, session: Session, order: torch.Tensor) -> None:
        train_part = session.data.train
        shape = (len(train_part), session.data.num_outputs)
        self._session = session
        self._outputs = train_part.targets.new_zeros(shape, dtype=train_part.examples.dtype)
        # Blended targets are shares of the classes, no longer what the split holds.
        self._mixed_targets = torch.empty_like(self._outputs) if session.mix is not None else None
        self._order = order

    def note(self, begin: int, end: int, outputs: torch.Tensor, targets: torch.Tensor) -> None:
        if self._session.team is not None:
            self._session.team.placed(outputs.detach(), self._outputs[begin:end])
        else:
            self._outputs[begin:end] = outputs.detach()
        if self._mixed_targets is not None:
            self._mixed_targets[begin:end] = targets

    def values(self) -> dict[str, float]:
        if self._session.team is not None:
            self._session.team.sum(self._outputs)
        targets = self._mixed_targets
        if targets is None:
            targets = self._session.data.train.targets.index_select(0, self._order)
        return prefix_metrics("train", self._session.worth(self._outputs, targets))


def _clip_gradients(session: Session) -> torch.Tensor:
    """The gradient norm of this step, before what is longer than `clip` is cut."""
    config, model = session.config, session.model
    if session.scaler is not None:
        session.scaler.unscale_(session.optimizer)
    norm = gradient_norm(model)
    if config.clip > 0:
        nn.utils.clip_grads_with_norm_(model.parameters(), config.clip, norm)
    if config.clip_value > 0:
        nn.utils.clip_grad_value_(model.parameters(), config.clip_value)
    return norm


def optimizer_step(session: Session) -> None:
    if session.scaler is None:
        session.step()
    else:
        session.scaler.step(session.optimizer)
        session.scaler.update()


def _cost_metrics(session: Session) -> dict[str, float]:
    """Memory that the optimizer keeps; of second order also the gradients and products spent."""
    values = {"cost/state_bytes": float(optimizer_state_bytes(session.optimizer))}
    if isinstance(session.optimizer, ClosureOptimizer):
        cost = session.optimizer.cost
        values["cost/gradients"] = float(cost.gradients)
        values["cost/products"] = float(cost.products)
    return values


def _save_selected_weights(session: Session) -> None:
    """Copies the weights of the epoch that has just been selected."""
    state = session.model.state_dict()
    if not session.selected_weights:
        session.selected_weights = {name: tensor.clone() for name, tensor in state.items()}
    for name, tensor in state.items():
        session.selected_weights[name].copy_(tensor)
