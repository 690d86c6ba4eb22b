"""Several runs trained as one program: one training step advances all their sessions.

Each run sees what it would have seen if trained alone: the same order of examples, dropout masks,
augmentation and learning rates. Losses agree up to rounding. The runs may be at different epochs;
a finished run is removed and the others continue.
"""

import math
import time
from collections.abc import Sequence

import torch

from nnlab.engine.batched import losses, metrics
from nnlab.engine.batched.epoch_batches import (
    BatchedEpochAccumulator,
    draw_example_orders,
    gather_batch,
)
from nnlab.engine.batched.layers import BatchedNoise, BatchedWeightLayer, build_batched
from nnlab.engine.batched.metrics import BatchedProbe, MetricsPerRun, merge_metrics
from nnlab.engine.batched.optimizer_state import BatchedOptimizerState, SelectedWeights
from nnlab.engine.batched.optimizer_steps import scalar_or_column
from nnlab.engine.batched.parameter_storage import ParameterStorage
from nnlab.engine.batches import batch_bounds
from nnlab.engine.data.prepare import SplitTensors
from nnlab.engine.evaluation import EVAL_BATCH_SIZE
from nnlab.engine.optimizers.param_groups import lr_factors
from nnlab.engine.probe.gradient_ratio import ratio_metric
from nnlab.engine.schedules import build_schedule
from nnlab.engine.seeds import derive_seed
from nnlab.engine.session import Session, prefix_metrics
from nnlab.records import Epoch, Status

IMAGE_MODELS = ("cnn", "resnet", "wide_resnet")


class BatchedRuns:
    """The runs that are still being trained; the state of each is in its entry of `sessions`.

    Call `train_epoch` and `remove_finished` in turn until no session is left. A session whose
    status the caller sets in between is removed as well.
    """

    def __init__(self, sessions: Sequence[Session]) -> None:
        """Copies the state of the sessions, each of which may be new or at any epoch.

        Only their epochs and losses are kept up to date until `write_back_to_session`.
        """
        self.sessions = list(sessions)
        self.storage = ParameterStorage([session.model for session in sessions])
        self.module = build_batched([session.model for session in sessions], self.storage)
        named = sessions[0].model.named_parameters()
        self._weight_names = [name for name, parameter in named if parameter.ndim >= 2]
        self._probe = BatchedProbe(sessions[0].model, self.module)
        self._optimizer_state = BatchedOptimizerState(self.sessions, self.storage)
        self._selected_weights = SelectedWeights(self.sessions, self.storage)
        self._configure()

    def train_epoch(self) -> list[tuple[Session, Epoch]]:
        """Trains one epoch of every run and updates the status of the sessions."""
        started = time.perf_counter()
        metrics_per_run = self._run_epoch()
        seconds = (time.perf_counter() - started) / len(self.sessions)
        for session, run_metrics in zip(self.sessions, metrics_per_run, strict=True):
            _update_status(session, run_metrics["train/loss"])
        return [
            (session, Epoch(session.epoch, run_metrics, seconds))
            for session, run_metrics in zip(self.sessions, metrics_per_run, strict=True)
        ]

    def remove_finished(self) -> list[Session]:
        """Removes the runs that have ended and returns them, with their state written back."""
        for session in self.sessions:
            if session.status is Status.RUNNING and session.is_done:
                session.status = Status.FINISHED
        ended = [session for session in self.sessions if session.status is not Status.RUNNING]
        if not ended:
            return []
        for session in ended:
            self.write_back_to_session(session)
        rows = [
            row for row, session in enumerate(self.sessions) if session.status is Status.RUNNING
        ]
        self.sessions = [self.sessions[row] for row in rows]
        if rows:
            self._drop_finished(rows)
        return ended

    def write_back_to_session(self, session: Session) -> None:
        """Copies the state of a run to its session, as if the run had been trained alone."""
        row = self.sessions.index(session)
        with torch.no_grad():
            for name, value in self.storage.views_by_name(self.storage.values[row]).items():
                session.model.get_parameter(name).copy_(value)
            for name, buffer in self.storage.buffers.items():
                session.model.get_buffer(name).copy_(buffer[row])
        self._optimizer_state.write_back_to_session(row, session, self.storage)
        self._selected_weights.write_back_to_session(row, session, self.storage)

    def _configure(self) -> None:
        """Computes everything that depends on which runs are in the batch."""
        configs = [session.config for session in self.sessions]
        like = self.storage.values
        self._train_loss = losses.build_train_loss(configs, like)
        self._reported_loss = losses.build_reported_loss(configs[0])
        self._noise_layers = [
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
        self._optimizer_state.set_runs(
            self.sessions, self.storage, allow_fused=self._lr_factors is None
        )

    def _drop_finished(self, rows: Sequence[int]) -> None:
        index = torch.tensor(rows, device=self.storage.values.device)
        self.storage.select_rows(index)
        self._optimizer_state.select_rows(index)
        self._selected_weights.select_rows(index)
        for layer in self._noise_layers:
            layer.select_rows(rows)
        self._configure()

    def _run_epoch(self) -> MetricsPerRun:
        """Trains and evaluates all runs for one epoch; returns the metrics of each."""
        sessions, data = self.sessions, self.sessions[0].data
        probes_epoch = [
            s.probe is not None and s.probe.measures_epoch(s.epoch + 1) for s in sessions
        ]
        probes_step = [
            s.probe is not None and s.probe.measures_last_step(s.epoch + 1) for s in sessions
        ]
        metrics_per_run, probe_metrics = self._train_steps(any(probes_step))
        _merge_due_metrics(metrics_per_run, probe_metrics, probes_step)
        if any(probes_epoch):
            with self._probe:
                val_metrics = self._evaluate(data.val)
            activations = self._probe.activations(len(sessions))
            _merge_due_metrics(metrics_per_run, activations, probes_epoch)
        else:
            val_metrics = self._evaluate(data.val)
        merge_metrics(metrics_per_run, [prefix_metrics("val", values) for values in val_metrics])
        if sessions[0].config.exact_train:
            exact_metrics = self._evaluate(data.train)
            for run_metrics, exact in zip(metrics_per_run, exact_metrics, strict=True):
                run_metrics |= {f"train/{name}_exact": value for name, value in exact.items()}
        self._advance_sessions(metrics_per_run)
        return metrics_per_run

    def _advance_sessions(self, metrics_per_run: MetricsPerRun) -> None:
        """Moves each session to the next epoch and stores the weights of new best epochs."""
        improved = []
        for row, (session, run_metrics) in enumerate(
            zip(self.sessions, metrics_per_run, strict=True)
        ):
            if session.epoch == 0 and session.probe is not None:
                run_metrics |= session.probe.measure_before_training()
            session.epoch += 1
            session.val_losses.append(run_metrics["val/loss"])
            if session.update_selected_epoch(run_metrics):
                improved.append(row)
        self._selected_weights.update(improved, self.storage)

    def _train_steps(self, probes_last_step: bool) -> tuple[MetricsPerRun, MetricsPerRun]:
        """The steps of one epoch: training metrics of each run, and those of the probe."""
        sessions, first = self.sessions, self.sessions[0]
        part = first.data.train
        bounds = batch_bounds(len(part), first.batch_size)
        device, dtype = part.examples.device, part.examples.dtype
        order = draw_example_orders(sessions, len(part)).to(device)
        targets = part.targets[order]
        accumulator = BatchedEpochAccumulator(targets, first.data.num_outputs, dtype)
        rates = self._learning_rates(len(bounds))
        generators = self._begin_epoch(device)
        probe_metrics: MetricsPerRun = [{} for _ in sessions]
        start_ratios: MetricsPerRun = []
        norms = self.storage.values.new_zeros(len(sessions), 1)
        for index, (begin, end) in enumerate(bounds):
            examples, batch_targets = gather_batch(
                self.sessions, part, order[:, begin:end], targets[:, begin:end], generators
            )
            is_last = end == len(part)
            weights_before = self._start_probing() if is_last and probes_last_step else None
            outputs = self.module(self._to_layer_shape(examples))
            self._train_loss(outputs, batch_targets).sum().backward()  # type: ignore[no-untyped-call]
            self._add_penalty_gradients()
            if index == 0 and any(session.epoch == 0 for session in sessions):
                start_ratios = self._gradient_ratios("start_gradient_ratio")
            if weights_before is not None:
                merge_metrics(probe_metrics, self._gradient_ratios("gradient_ratio"))
            layer_norms = [layer.pop_gradient_norms() for layer in self._weight_layers]
            if is_last or self._uses_clipping:
                norms = self._clip_gradients()
            with torch.no_grad():
                self._optimizer_state.step(self.storage, rates[index], self._lr_factors)
            accumulator.add(begin, end, outputs, batch_targets)
            if weights_before is not None:
                recorded = [norm for norm in layer_norms if norm is not None]
                merge_metrics(probe_metrics, metrics.gradient_noise_metrics(recorded))
                weights = self.storage.values[:, : self.storage.layout.weights_end]
                merge_metrics(probe_metrics, metrics.update_ratios(weights_before, weights))
                for layer in self._weight_layers:
                    layer.records_noise = False
        metrics_per_run = [
            prefix_metrics("train", values)
            for values in self._compute_metrics(accumulator.outputs, accumulator.targets)
        ]
        for session, run_metrics, norm, rate in zip(
            sessions, metrics_per_run, norms.flatten().tolist(), rates[-1], strict=True
        ):
            state_bytes = float(self._optimizer_state.state_bytes(session, self.storage))
            run_metrics |= {"cost/state_bytes": state_bytes, "train/grad_norm": norm, "lr": rate}
        if start_ratios:
            is_start = [s.epoch == 0 and s.probe is not None for s in sessions]
            _merge_due_metrics(metrics_per_run, start_ratios, is_start)
        return metrics_per_run, probe_metrics

    def _begin_epoch(self, device: torch.device) -> list[torch.Generator]:
        """Starts an epoch: training mode, seeded dropout masks.

        Returns the generator of each run's augmentation; empty if no run augments.
        """
        self.module.train()
        epochs = [session.epoch + 1 for session in self.sessions]
        seeds = [session.config.seed for session in self.sessions]
        for layer in self._noise_layers:
            layer.seed_epoch(seeds, epochs, device)
        if all(
            session.augmentation is None and session.batch_mixer is None
            for session in self.sessions
        ):
            return []
        return [
            torch.Generator(device).manual_seed(derive_seed(seed, "augment", epoch))
            for seed, epoch in zip(seeds, epochs, strict=True)
        ]

    def _to_layer_shape(self, examples: torch.Tensor) -> torch.Tensor:
        """Examples [runs, n, ...] in the shape that the layers expect."""
        if self.sessions[0].config.model in IMAGE_MODELS:
            return examples.transpose(0, 1).flatten(1, 2)
        return examples

    def _start_probing(self) -> torch.Tensor:
        """Prepares the layers for the probed step; returns the weights before it."""
        for layer in self._weight_layers:
            layer.records_noise = True
        return self.storage.values[:, : self.storage.layout.weights_end].clone()

    def _add_penalty_gradients(self) -> None:
        """Adds the gradients of the L1 and L2 penalties."""
        weights = self.storage.layout.weights_end
        values, gradients = self.storage.values[:, :weights], self.storage.gradients[:, :weights]
        if isinstance(self._l1, torch.Tensor) or self._l1 > 0:
            gradients.add_(values.sign().mul_(self._l1))
        if isinstance(self._l2, torch.Tensor) or self._l2 > 0:
            gradients.add_(values * self._l2)

    def _clip_gradients(self) -> torch.Tensor:
        """Clips the gradients in place; returns their norms [runs, 1] before clipping."""
        gradients = self.storage.gradients
        norms: torch.Tensor = torch.linalg.vector_norm(gradients, dim=1, keepdim=True)
        if self._clip is not None:
            gradients.mul_((self._clip / (norms + 1e-6)).clamp(max=1.0))
        if self._clip_value is not None:
            torch.clamp(gradients, -self._clip_value, self._clip_value, out=gradients)
        return norms

    def _gradient_ratios(self, name: str) -> MetricsPerRun:
        """The metric `probe/<name>` of each run, as `probe.gradient_ratio` computes it."""
        if len(self._weight_names) < 2:
            return []
        ends = (self._weight_names[0], self._weight_names[-1])
        norms = torch.stack(
            [
                torch.linalg.vector_norm(self.storage.gradient_views[end].flatten(1), dim=1)
                for end in ends
            ],
            dim=1,
        )
        return [ratio_metric(first, last, name) for first, last in norms.tolist()]

    def _learning_rates(self, steps: int) -> list[tuple[float, ...]]:
        """The learning rates of each step, one for each run."""
        rates_by_run = []
        for session in self.sessions:
            schedule = build_schedule(session.config, steps, session.val_losses)
            lr = session.config.lr or 0.0
            rates_by_run.append(
                [lr * schedule(session.epoch + step / steps) for step in range(steps)]
            )
        return list(zip(*rates_by_run, strict=True))

    @torch.no_grad()
    def _evaluate(self, part: SplitTensors) -> MetricsPerRun:
        """The metrics of each run on a split, which is the same for all runs."""
        self.module.eval()
        count = self.storage.num_runs
        chunks = []
        # All runs together evaluate as many examples at a time as a single run does.
        for chunk in torch.split(part.examples, max(EVAL_BATCH_SIZE // count, 64)):
            examples = chunk.expand(count, *chunk.shape)
            chunks.append(self.module(self._to_layer_shape(examples)))
        return self._compute_metrics(torch.cat(chunks, dim=1), part.targets[None])

    def _compute_metrics(self, outputs: torch.Tensor, targets: torch.Tensor) -> MetricsPerRun:
        data = self.sessions[0].data
        metrics_per_run = metrics.compute_metrics(
            data.task, self._reported_loss, outputs, targets, data.target_scale
        )
        for row, (session, run_metrics) in enumerate(
            zip(self.sessions, metrics_per_run, strict=True)
        ):
            own_targets = targets[0 if len(targets) == 1 else row]
            run_metrics |= session.compute_added_metrics(outputs[row], own_targets)
        return metrics_per_run


def _merge_due_metrics(
    metrics_per_run: MetricsPerRun, probe_metrics: MetricsPerRun, is_due: Sequence[bool]
) -> None:
    """Adds the probe's metrics to the runs whose probe is due."""
    for run_metrics, probed, due in zip(metrics_per_run, probe_metrics, is_due, strict=True):
        run_metrics |= probed if due else {}


def _update_status(session: Session, loss: float) -> None:
    """Ends a run whose loss is not finite or that has no epoch left."""
    if session.status is not Status.RUNNING:
        return
    if not math.isfinite(loss):
        session.status = Status.DIVERGED
        session.reason = f"train/loss is {loss} at epoch {session.epoch}"
    elif session.is_done:
        session.status = Status.FINISHED


def _limit_column(limits: Sequence[float], like: torch.Tensor) -> torch.Tensor | None:
    """The limits as a column [runs, 1], where 0 (no limit) becomes infinity; None if all are 0."""
    if not any(limits):
        return None
    numbers = [limit if limit > 0 else math.inf for limit in limits]
    return torch.tensor(numbers, dtype=like.dtype, device=like.device)[:, None]


def _lr_factor_row(session: Session, storage: ParameterStorage) -> torch.Tensor | None:
    """The learning rate factor of each column, [1, size]; None if all factors are 1."""
    factors = lr_factors(session.model, session.config)
    if not factors:
        return None
    row = torch.ones_like(storage.values[:1])
    for part in storage.layout.slices:
        row[:, part.begin : part.end] = factors.get(part.name, 1.0)
    return row
