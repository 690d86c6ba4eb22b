"""Several runs as one program: their sessions side by side, trained step by step together.

A stack sees what each run would have seen alone: its order of the examples, its masks, its
augmentation, its learning rate. Losses agree to rounding. Each run may begin and end where it
likes: one that is over leaves, and the others close ranks.
"""

import math
import time
from collections.abc import Sequence

import torch

from nnlab.engine.batched import losses, metrics
from nnlab.engine.batched.layers import BatchedNoise, BatchedWeightLayer, build_batched
from nnlab.engine.batched.metrics import BatchedProbe, MetricsPerRun, merge_metrics
from nnlab.engine.batched.optimizer_state import BatchedOptimizerState, SelectedWeights
from nnlab.engine.batched.optimizer_steps import scalar_or_column
from nnlab.engine.batched.parameter_storage import ParameterStorage
from nnlab.engine.batches import batch_bounds
from nnlab.engine.data.prepare import SplitTensors
from nnlab.engine.evaluation import EVAL_BATCH_SIZE
from nnlab.engine.optimizers.param_groups import lr_factors
from nnlab.engine.schedules import build_schedule
from nnlab.engine.seeds import derive_seed, make_generator
from nnlab.engine.session import Session, prefix_metrics
from nnlab.records import Epoch, Status

IMAGE_MODELS = ("cnn", "resnet", "wide_resnet")


class BatchedRuns:
    """The runs that are still trained together; `sessions` tell how each stands.

    `epoch` and `dismiss` take turns until no session is left. One whose status is set from
    outside between the two leaves as well.
    """

    def __init__(self, sessions: Sequence[Session]) -> None:
        """Takes the sessions over where they are: fresh, or at any epoch of their own.

        Until `write_back` only their epochs and losses are kept up to date.
        """
        self.sessions = list(sessions)
        self.storage = ParameterStorage([session.model for session in sessions])
        self.module = build_batched([session.model for session in sessions], self.storage)
        self._probe = BatchedProbe(sessions[0].model, self.module)
        self._optimizer_state = BatchedOptimizerState(self.sessions, self.storage)
        self._selected_weights = SelectedWeights(self.sessions, self.storage)
        self._arrange()

    def epoch(self) -> list[tuple[Session, Epoch]]:
        """Trains an epoch of every run; `session.status` tells which are over with it."""
        started = time.perf_counter()
        values = self._run_epoch()
        seconds = (time.perf_counter() - started) / len(self.sessions)
        for session, found in zip(self.sessions, values, strict=True):
            _update_status(session, found["train/loss"])
        return [
            (session, Epoch(session.epoch, found, seconds))
            for session, found in zip(self.sessions, values, strict=True)
        ]

    def remove_finished(self) -> list[Session]:
        """Lets go of the runs that are over, each as if it had been trained alone."""
        for session in self.sessions:
            if session.status is Status.RUNNING and session.done:
                session.status = Status.FINISHED
        over = [s for s in self.sessions if s.status is not Status.RUNNING]
        if not over:
            return []
        for session in over:
            self.write_back_to_session(session)
        stay = [n for n, s in enumerate(self.sessions) if s.status is Status.RUNNING]
        self.sessions = [self.sessions[n] for n in stay]
        if stay:
            self._drop_finished(stay)
        return over

    def write_back_to_session(self, session: Session) -> None:
        """Puts a run's numbers into its session, as if it had been trained alone."""
        row = self.sessions.index(session)
        with torch.no_grad():
            for name, value in self.storage.named(self.storage.values[row]).items():
                session.model.get_parameter(name).copy_(value)
            for name, kept in self.storage.buffers.items():
                session.model.get_buffer(name).copy_(kept[row])
        self._optimizer_state.write_back_to_session(row, session, self.storage)
        self._selected_weights.write_back_to_session(row, session, self.storage)

    def _arrange(self) -> None:
        """What follows from who is in the stack."""
        configs = [session.config for session in self.sessions]
        like = self.storage.values
        self._train_loss = losses.build_train_loss(configs, like)
        self._reported_loss = losses.build_reported_loss(configs[0])
        self._masks = [
            module for module in self.module.modules() if isinstance(module, BatchedNoise)
        ]
        self._weight_layers = [
            m for m in self.module.modules() if isinstance(m, BatchedWeightLayer)
        ]
        self._l1 = scalar_or_column([config.l1 for config in configs], like)
        self._l2 = scalar_or_column([config.l2 for config in configs], like)
        self._uses_clipping = any(config.clip > 0 or config.clip_value > 0 for config in configs)
        self._clip = _limit_column([config.clip for config in configs], like)
        self._clip_value = _limit_column([config.clip_value for config in configs], like)
        self._lr_factors = _lr_factor_row(self.sessions[0], self.storage)
        self._optimizer_state.set_runs(self.sessions, self.storage, fuses=self._lr_factors is None)

    def _drop_finished(self, stay: Sequence[int]) -> None:
        rows = torch.tensor(stay, device=self.storage.values.device)
        self.storage.keep(rows)
        self._optimizer_state.keep(rows)
        self._selected_weights.keep(rows)
        for masks in self._masks:
            masks.keep(stay)
        self._arrange()

    def _run_epoch(self) -> MetricsPerRun:
        """One pass over the training split and the evaluation behind it, for every run."""
        sessions, first = self.sessions, self.sessions[0]
        looked = [s.probe is not None and s.probe.measures_epoch(s.epoch + 1) for s in sessions]
        stepped = [
            s.probe is not None and s.probe.measures_last_step(s.epoch + 1) for s in sessions
        ]
        values, probed = self._train_epoch(any(stepped))
        _merge_due_metrics(values, probed, stepped)
        if any(looked):
            with self._probe:
                validated = self._measure(first.data.val)
            _merge_due_metrics(values, self._probe.activations(len(sessions)), looked)
        else:
            validated = self._measure(first.data.val)
        merge_metrics(values, [prefix_metrics("val", one) for one in validated])
        if first.config.exact_train:
            for mine, exact in zip(values, self._measure(first.data.train), strict=True):
                mine |= {f"train/{name}_exact": value for name, value in exact.items()}
        better = []
        for row, (session, mine) in enumerate(zip(sessions, values, strict=True)):
            if session.epoch == 0 and session.probe is not None:
                mine |= session.probe.measure_before_training()
            session.epoch += 1
            session.val_losses.append(mine["val/loss"])
            if session.select(mine):
                better.append(row)
        self._selected_weights.take(better, self.storage)
        return values

    def _train_epoch(self, looked: bool) -> tuple[MetricsPerRun, MetricsPerRun]:
        """Trains; gives the metrics met on the way, and what was probed in the last step."""
        sessions, first = self.sessions, self.sessions[0]
        part = first.data.train
        bounds = batch_bounds(len(part), first.batch_size)
        device, dtype = part.examples.device, part.examples.dtype
        order = _draw_example_orders(sessions, len(part)).to(device)
        targets = part.targets[order]
        met = _BatchedEpochAccumulator(targets, first.data.outputs, dtype)
        rates = self._learning_rates(len(bounds))
        draws = self._begin_epoch(device)
        probed: MetricsPerRun = [{} for _ in sessions]
        norms: torch.Tensor | None = None
        for index, (begin, end) in enumerate(bounds):
            examples, wanted = self._batch(part, order[:, begin:end], targets[:, begin:end], draws)
            last = end == len(part)
            before = self._listen() if last and looked else None
            outputs = self.module(self._to_layer_shape(examples))
            self._train_loss(outputs, wanted).sum().backward()  # type: ignore[no-untyped-call]
            self._add_penalty_gradients()
            heard = [one for w in self._weight_layers if (one := w.heard()) is not None]
            if last or self._uses_clipping:
                norms = self._clip_gradients()
            with torch.no_grad():
                self._optimizer_state.step(self.storage, rates[index], self._lr_factors)
            met.note(begin, end, outputs, wanted)
            if before is not None:
                merge_metrics(probed, metrics.gradient_noise_metrics(heard))
                after = self.storage.values[:, : self.storage.layout.weights]
                merge_metrics(probed, metrics.update_ratios(before, after))
                for layer in self._weight_layers:
                    layer.hears = False
        assert norms is not None
        values = [
            prefix_metrics("train", one) for one in self._compute_metrics(met.outputs, met.targets)
        ]
        told = zip(sessions, values, norms.flatten().tolist(), rates[-1], strict=True)
        for session, mine, norm, rate in told:
            cost = float(self._optimizer_state.bytes_of(session, self.storage))
            mine |= {"cost/state_bytes": cost, "train/grad_norm": norm, "lr": rate}
        return values, probed

    def _begin_epoch(self, device: torch.device) -> list[torch.Generator]:
        """Readies all for an epoch; the generators are of what is done to each run's examples."""
        self.module.train()
        numbers = [session.epoch + 1 for session in self.sessions]
        seeds = [session.config.seed for session in self.sessions]
        for masks in self._masks:
            masks.seed_epoch(seeds, numbers, device)
        if all(session.augment is None and session.mix is None for session in self.sessions):
            return []
        return [
            torch.Generator(device).manual_seed(derive_seed(seed, "augment", number))
            for seed, number in zip(seeds, numbers, strict=True)
        ]

    def _batch(
        self,
        part: SplitTensors,
        rows: torch.Tensor,
        targets: torch.Tensor,
        draws: Sequence[torch.Generator],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The next examples [runs, n, ...] of each run and their targets."""
        examples = part.examples.index_select(0, rows.flatten()).view(
            *rows.shape, *part.examples.shape[1:]
        )
        if not draws:
            return examples, targets
        changed = [
            _augment_batch(*each)
            for each in zip(self.sessions, examples, targets, draws, strict=True)
        ]
        return torch.stack([one for one, _ in changed]), torch.stack([one for _, one in changed])

    def _to_layer_shape(self, examples: torch.Tensor) -> torch.Tensor:
        """Examples [runs, n, ...] as the layers want them."""
        if self.sessions[0].config.model in IMAGE_MODELS:
            return examples.transpose(0, 1).flatten(1, 2)
        return examples

    def _listen(self) -> torch.Tensor:
        """Readies the probe for the last step; gives the weights before it."""
        for layer in self._weight_layers:
            layer.hears = True
        return self.storage.values[:, : self.storage.layout.weights].clone()

    def _add_penalty_gradients(self) -> None:
        """Adds the gradients of L1 and L2."""
        weights = self.storage.layout.weights
        values, gradients = self.storage.values[:, :weights], self.storage.gradients[:, :weights]
        if isinstance(self._l1, torch.Tensor) or self._l1 > 0:
            gradients.add_(values.sign().mul_(self._l1))
        if isinstance(self._l2, torch.Tensor) or self._l2 > 0:
            gradients.add_(values * self._l2)

    def _clip_gradients(self) -> torch.Tensor:
        """The gradient norms [runs, 1] before what is longer than a run's `clip` is cut."""
        gradients = self.storage.gradients
        norms: torch.Tensor = torch.linalg.vector_norm(gradients, dim=1, keepdim=True)
        if self._clip is not None:
            gradients.mul_((self._clip / (norms + 1e-6)).clamp(max=1.0))
        if self._clip_value is not None:
            torch.clamp(gradients, -self._clip_value, self._clip_value, out=gradients)
        return norms

    def _learning_rates(self, steps: int) -> list[tuple[float, ...]]:
        """The learning rates of each step, one for each run."""
        table = []
        for session in self.sessions:
            schedule = build_schedule(session.config, steps, session.val_losses)
            lr = session.config.lr or 0.0
            table.append([lr * schedule(session.epoch + step / steps) for step in range(steps)])
        return list(zip(*table, strict=True))

    @torch.no_grad()
    def _measure(self, part: SplitTensors) -> MetricsPerRun:
        """The metrics of each run on a split that all share."""
        self.module.eval()
        count = self.storage.count
        chunks = []
        # As many examples at a time as one run has alone, all runs together.
        for chunk in torch.split(part.examples, max(EVAL_BATCH_SIZE // count, 64)):
            shared_by_all = chunk.expand(count, *chunk.shape)
            chunks.append(self.module(self._to_layer_shape(shared_by_all)))
        return self._compute_metrics(torch.cat(chunks, dim=1), part.targets[None])

    def _compute_metrics(self, outputs: torch.Tensor, targets: torch.Tensor) -> MetricsPerRun:
        data = self.sessions[0].data
        return metrics.compute_metrics(
            data.task, self._reported_loss, outputs, targets, data.target_scale
        )


class _BatchedEpochAccumulator:
    """What an epoch puts out batch by batch, and what it was to be."""

    def __init__(self, targets: torch.Tensor, outputs: int, dtype: torch.dtype) -> None:
        self.targets = targets
        self.outputs = targets.new_empty((*targets.shape[:2], outputs), dtype=dtype)
        self._mixed_targets: torch.Tensor | None = None

    def note(self, begin: int, end: int, outputs: torch.Tensor, targets: torch.Tensor) -> None:
        """Keeps a batch; blended targets are shares of the classes, no longer classes."""
        self.outputs[:, begin:end] = outputs.detach()
        if targets.ndim > self.targets.ndim:
            if self._mixed_targets is None:
                self._mixed_targets = torch.empty_like(self.outputs)
            self._mixed_targets[:, begin:end] = targets
            if end == self.outputs.shape[1]:
                self.targets = self._mixed_targets


def _draw_example_orders(sessions: Sequence[Session], examples: int) -> torch.Tensor:
    """The order in which each run meets the examples: [runs, examples]."""
    rows = [
        torch.randperm(examples, generator=make_generator(s.config.seed, "order", s.epoch + 1))
        for s in sessions
    ]
    return torch.stack(rows)


def _augment_batch(
    session: Session, examples: torch.Tensor, targets: torch.Tensor, draw: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """What one run does to its batch."""
    if session.augment is not None:
        examples = session.augment(examples, draw)
    if session.mix is not None:
        examples, targets = session.mix(examples, targets, draw)
    return examples, targets


def _merge_due_metrics(values: MetricsPerRun, more: MetricsPerRun, wanted: Sequence[bool]) -> None:
    """Adds what was probed to those runs whose epoch is due."""
    for mine, found, due in zip(values, more, wanted, strict=True):
        mine |= found if due else {}


def _update_status(session: Session, loss: float) -> None:
    """Ends a run that has diverged or has no epoch left."""
    if session.status is not Status.RUNNING:
        return
    if not math.isfinite(loss):
        session.status = Status.DIVERGED
        session.reason = f"train/loss is {loss} at epoch {session.epoch}"
    elif session.done:
        session.status = Status.FINISHED


def _limit_column(limits: Sequence[float], like: torch.Tensor) -> torch.Tensor | None:
    """A column [runs, 1] of limits, infinite where 0 says there is none; None without any."""
    if not any(limits):
        return None
    numbers = [limit if limit > 0 else math.inf for limit in limits]
    return torch.tensor(numbers, dtype=like.dtype, device=like.device)[:, None]


def _lr_factor_row(session: Session, storage: ParameterStorage) -> torch.Tensor | None:
    """How many times its learning rate each column has [1, size]; None where all have one."""
    factors = lr_factors(session.model, session.config)
    if not factors:
        return None
    row = torch.ones_like(storage.values[:1])
    for slot in storage.layout.slots:
        row[:, slot.begin : slot.end] = factors.get(slot.name, 1.0)
    return row
