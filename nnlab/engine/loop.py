"""The training loop: trains one run from its session to its last epoch.

session = build_session(config)
for epoch in train(session):
    ...                      # store it, show it, save a checkpoint
session.test()               # evaluates the test split once, at the selected epoch
"""

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext

import torch

from nnlab.engine import transfer
from nnlab.engine.batches import batch_bounds
from nnlab.engine.epoch_order import draw_order
from nnlab.engine.gradient_step import backward, clip_gradients, update_weights
from nnlab.engine.models import seed_model_noise
from nnlab.engine.optimizers import ClosureOptimizer, optimizer_state_bytes, set_lr
from nnlab.engine.probe import Probe
from nnlab.engine.schedules import build_schedule
from nnlab.engine.seeds import derive_seed
from nnlab.engine.session import Session, build_session, prefix_metrics
from nnlab.records import Epoch, Status

__all__ = ["Session", "build_session", "train"]

_NO_RECORDING = nullcontext()


def train(session: Session, should_stop: Callable[[], bool] = lambda: False) -> Iterator[Epoch]:
    """Trains until the last epoch, an early stop, a divergence or a request to stop.

    Yields each epoch after it is finished and evaluated. `session.status` says afterwards how
    training ended.

    Args:
        session: new, or restored from a checkpoint.
        should_stop: called between epochs; training is interrupted when it returns True.
    """
    session.start_clock()
    while not session.is_done:
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
                values |= prefix_metrics("val", session.evaluate_split(session.data.val))
            if session.config.exact_train:
                exact = session.evaluate_split(session.data.train)
                values |= {f"train/{name}_exact": value for name, value in exact.items()}
            session.epoch = number
            session.val_losses.append(values["val/loss"])
            if session.update_selected_epoch(values):
                session.save_selected_weights(session.model.state_dict())
        if probe is not None:
            values |= probe.collect_metrics()
        yield Epoch(number, values, time.perf_counter() - started)
        if session.ends_early(values["train/loss"], should_stop):
            return
    session.status = Status.FINISHED


def _train_epoch(session: Session, number: int, probe: Probe | None) -> dict[str, float]:
    """Trains on every batch of an epoch once; returns the metrics computed during the pass."""
    config, train_split = session.config, session.data.train
    bounds = batch_bounds(len(train_split), session.batch_size)
    schedule = build_schedule(config, len(bounds), session.val_losses)
    order = draw_order(config, train_split.targets, number).to(session.device)
    accumulator = EpochAccumulator(session, order)
    generator = prepare_epoch(session, number)
    last_step_probe = probe if probe is not None and probe.measures_last_step(number) else None
    lr = norm = None
    for index, (begin, end) in enumerate(bounds):
        is_last = end == len(train_split)
        examples, targets = _load_batch(session, order[begin:end], generator)
        batch_targets = targets
        if session.process_group is not None:
            own_rows = session.process_group.take_rows(end - begin)
            examples, targets = examples[own_rows], targets[own_rows]
        if config.lr is not None:
            lr = config.lr * schedule(number - 1 + index / len(bounds))
            set_lr(session.optimizer, lr)
        step_probe = last_step_probe if is_last else None
        if step_probe is not None:
            step_probe.before_last_step()
        if isinstance(session.optimizer, ClosureOptimizer):
            outputs = _closure_step(session, session.optimizer, number, examples, targets)
            if step_probe is not None:
                step_probe.record_gradients()  # those of the last evaluation, if they are kept
        else:
            with step_probe.record_last_step() if step_probe is not None else _NO_RECORDING:
                outputs = forward_backward(session, examples, targets)
            if probe is not None and number == 1 and index == 0:
                probe.record_gradients(is_first=True)
            if step_probe is not None:
                step_probe.record_gradients()
            if is_last or config.clip > 0 or config.clip_value > 0:
                norm = clip_gradients(config, session.model, session.optimizer, session.scaler)
            optimizer_step(session)
        if session.weight_average is not None:
            session.weight_average.after_step(session.model)
        # Metrics are computed once per epoch: each step would cost a copy from the device.
        accumulator.add_batch(begin, end, outputs, batch_targets)
    if session.process_group is not None:
        session.process_group.broadcast_buffers(session.model)
    if last_step_probe is not None:
        last_step_probe.after_last_step()
    if session.weight_average is not None:
        session.weight_average.after_epoch(session.model, number)
    values = accumulator.compute_metrics() | _cost_metrics(session)
    if norm is not None:
        values["train/grad_norm"] = norm.item()
    if lr is not None:
        values["lr"] = lr
    return values


def _load_batch(
    session: Session, rows: torch.Tensor, generator: torch.Generator | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Examples and targets of rows of the training split, augmented and mixed as configured."""
    examples = session.data.train.examples.index_select(0, rows)
    targets = session.data.train.targets.index_select(0, rows)
    if session.augmentation is not None and generator is not None:
        examples = session.augmentation(examples, generator)
    if session.data.task == "reconstruction":
        return examples, examples
    if session.batch_mixer is not None and generator is not None:
        examples, targets = session.batch_mixer(examples, targets, generator)
    return examples, targets


def prepare_epoch(session: Session, number: int) -> torch.Generator | None:
    """Prepares the model for an epoch: modes, frozen layers and the seeds of its noise.

    Returns:
        The generator of augmentation and mixing on the session's device; None if neither is used.
    """
    config, model = session.config, session.model
    model.train()
    if config.freeze is not None:
        if 0 < config.unfreeze_at < number:
            transfer.unfreeze(model)
        else:
            transfer.set_frozen_to_eval(model, config.freeze)
    has_user_code = config.loss_version is not None or config.opt_version is not None
    seed_model_noise(model, config.seed, number, session.device, user_code=has_user_code)
    if isinstance(session.optimizer, ClosureOptimizer):
        session.optimizer.reset_evaluation_counts()
    if session.augmentation is None and session.batch_mixer is None:
        return None
    generator = torch.Generator(session.device)
    return generator.manual_seed(derive_seed(config.seed, "augment", number))


def forward_backward(
    session: Session, examples: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    """Computes the gradient of one batch and returns the model's outputs [n, outputs]."""
    with session.autocast():
        outputs = session.forward(examples)
        loss = session.loss(outputs, targets)
    if session.process_group is not None:
        loss = session.process_group.scale_loss(loss)
    backward(loss, session.optimizer, penalty=session.penalty, scaler=session.scaler)
    return outputs


def _closure_step(
    session: Session,
    optimizer: ClosureOptimizer,
    number: int,
    examples: torch.Tensor,
    targets: torch.Tensor,
) -> torch.Tensor:
    """A step of an optimizer that evaluates the loss repeatedly, with the same dropout masks."""
    first_outputs: list[torch.Tensor] = []

    def closure() -> torch.Tensor:
        seed_model_noise(session.model, session.config.seed, number, session.device)
        with session.autocast():
            outputs = session.forward(examples)
            loss = session.loss(outputs, targets)
        if not first_outputs:
            first_outputs.append(outputs.detach())
        return loss if session.penalty is None else loss + session.penalty()

    optimizer.step(closure)
    return first_outputs[0]


class EpochAccumulator:
    """The outputs and targets of an epoch's batches, from which its train metrics are computed."""

    def __init__(self, session: Session, order: torch.Tensor) -> None:
        train_split = session.data.train
        self._session = session
        # Of tokens, pixels and reconstructions, sums over the batches are kept instead of outputs.
        self._split_metrics = None if session.data.keeps_outputs else session.new_split_metrics()
        kept = len(train_split) if session.data.keeps_outputs else 0
        self._outputs = train_split.targets.new_zeros(
            (kept, session.data.num_outputs), dtype=session.data.dtype
        )
        # Mixed targets are class weights, which the split itself does not contain.
        self._mixed_targets = (
            torch.empty_like(self._outputs) if session.batch_mixer is not None else None
        )
        self._order = order

    def add_batch(self, begin: int, end: int, outputs: torch.Tensor, targets: torch.Tensor) -> None:
        """Stores the outputs of this process's rows, and the targets of the whole batch."""
        if self._split_metrics is not None:
            self._split_metrics.add(outputs.detach(), targets)
            return
        if self._session.process_group is not None:
            self._session.process_group.write_own_rows(outputs.detach(), self._outputs[begin:end])
        else:
            self._outputs[begin:end] = outputs.detach()
        if self._mixed_targets is not None:
            self._mixed_targets[begin:end] = targets

    def compute_metrics(self) -> dict[str, float]:
        """The metrics `train/…` of the epoch; a collective operation in a process group."""
        if self._split_metrics is not None:
            metrics = self._session.compute_split_metrics(self._split_metrics)
            return prefix_metrics("train", metrics)
        if self._session.process_group is not None:
            self._session.process_group.all_reduce_sum(self._outputs)
        targets = self._mixed_targets
        if targets is None:
            targets = self._session.data.train.targets.index_select(0, self._order)
        return prefix_metrics("train", self._session.compute_metrics(self._outputs, targets))


def optimizer_step(session: Session) -> None:
    """Updates the weights from their gradients, through the gradient scaler if there is one."""
    update_weights(session.config, session.optimizer, session.unwrapped_step, session.scaler)


def _cost_metrics(session: Session) -> dict[str, float]:
    """Size of the optimizer's state; for second-order optimizers also the evaluations."""
    values = {"cost/state_bytes": float(optimizer_state_bytes(session.optimizer))}
    if isinstance(session.optimizer, ClosureOptimizer):
        counts = session.optimizer.evaluation_counts
        values["cost/gradients"] = float(counts.gradient_evaluations)
        values["cost/products"] = float(counts.hessian_vector_products)
    return values
