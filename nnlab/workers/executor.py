"""Chooses what executes a queue: a Ray cluster, a pool of processes, or this process; used by cli.

SLURM is not chosen here: its jobs execute the train command, which then chooses a pool.
"""

import gc
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.errors import UsageError
from nnlab.records import Origin, Run
from nnlab.settings import config_of
from nnlab.workers import placement, ray, slurm
from nnlab.workers.callbacks import ExecuteQueue, RunCallbacks
from nnlab.workers.nodes import Nodes, nodes_from_environment
from nnlab.workers.parallel_config import ParallelConfig, ProcessGroupSpec
from nnlab.workers.placement import Placement
from nnlab.workers.plugin_launchers import (
    LaunchRequest,
    PluginResources,
    start_plugin_launcher,
)
from nnlab.workers.rendezvous import Rendezvous
from nnlab.workers.save_policy import DEFAULT_SAVE_POLICY, SavePolicy

# Held while this process trains: torch's threads and determinism are settings of the process.
_THIS_PROCESS_TRAINS = threading.Lock()


@dataclass(frozen=True, slots=True)
class ExecutionOptions:
    """How runs are executed: what is stored of them, by which engine, and where.

    Args:
        save_policy: what is stored of the runs.
        engine: see `BatchPlanner`.
        devices: `--devices` as typed.
        per_device: processes on each GPU.
        jobs: how many scripts run at once.
        fail_fast: whether the first failed run stops the others.
        failed_only: whether only failed runs are trained.
        allow_diverged: whether it is no error if all runs diverge.
        cluster: the resources of each worker on SLURM or Ray, or a plugin's launcher; None trains
            on this machine.
        parallel: how all devices train each run together, if they do.
        rendezvous: the connection to the other nodes, if several train each run together.
    """

    save_policy: SavePolicy = DEFAULT_SAVE_POLICY
    engine: str = "auto"
    devices: str | None = None
    per_device: int | None = None
    jobs: int | None = None
    fail_fast: bool = False
    failed_only: bool = False
    allow_diverged: bool = False
    cluster: slurm.SlurmResources | ray.RayResources | PluginResources | None = None
    parallel: ParallelConfig | None = None
    rendezvous: Rendezvous | None = None

    @property
    def cli_arguments(self) -> list[str]:
        """The options of `nnlab train` that execute runs in the same way in a SLURM job."""
        policy = self.save_policy
        arguments = [] if self.devices is None else ["--devices", self.devices]
        arguments += ["--engine", self.engine] if self.engine != "auto" else []
        arguments += [] if self.parallel is None else self.parallel.cli_arguments
        arguments += [] if policy.models else ["--no-keep-models"]
        arguments += ["--allow-changing-data"] if policy.allow_changed_data else []
        arguments += ["--allow-diverged"] if self.allow_diverged else []
        if policy.checkpoints != DEFAULT_SAVE_POLICY.checkpoints:
            arguments += ["--checkpoint-every", str(policy.checkpoints)]
        arguments += [] if policy.git_diff else ["--no-git-diff"]
        arguments += [] if policy.artifacts is None else ["--artifacts", policy.artifacts]
        return arguments

    @property
    def slurm(self) -> slurm.SlurmResources | None:
        """The resources of SLURM tasks, if the runs are submitted to SLURM."""
        return self.cluster if isinstance(self.cluster, slurm.SlurmResources) else None

    @property
    def is_multi_node(self) -> bool:
        """Whether this is the first of several nodes that train each run together."""
        return self.rendezvous is not None

    def raise_if_node_lost(self) -> None:
        """Raises NnlabError if one of the other nodes has ended."""
        if self.rendezvous is not None:
            self.rendezvous.raise_if_node_lost()


def choose_executor(
    db: store.Database, run_ids: Sequence[int], options: ExecutionOptions
) -> ExecuteQueue:
    """Returns a function that trains these runs; a pool has started its workers already.

    Raises:
        UsageError: a device is not available.
        NnlabError: the cluster cannot be joined, or a worker cannot be started.
        PluginError: the plugin of the launcher fails.
    """
    if isinstance(options.cluster, ray.RayResources):
        return _ray_executor(db, run_ids, options, options.cluster)
    if isinstance(options.cluster, PluginResources):
        return start_plugin_launcher(
            options.cluster.launcher,
            LaunchRequest(
                db,
                tuple(run_ids),
                options.cluster.options,
                options.engine,
                options.save_policy,
                options.devices,
            ),
        )
    if (first := _first_script_run(db, run_ids)) is not None:
        return _script_executor(db, run_ids, options, first)
    if options.parallel is not None:
        spec = build_process_group_spec(options.parallel, options.devices, nodes_from_environment())
        return _pool_executor(db, run_ids, options, (Placement(spec.description),), spec)
    if options.devices is not None:
        placements = placement.parse_devices(options.devices, options.per_device)
    elif _may_not_start_processes():
        placements = ()
    else:
        runs = store.runs(db, run_ids=run_ids)
        placements = placement.default_placements(
            [config_of(run.trial.setting, run.known_seed) for run in runs]
        )
    if len(placements) > 1 or any(place.device != "cpu" for place in placements):
        return _pool_executor(db, run_ids, options, placements, None)
    return _in_process_executor(db, run_ids, options)


def build_process_group_spec(
    parallel: ParallelConfig, devices: str | None, nodes: Nodes
) -> ProcessGroupSpec:
    """The devices of this machine that train each run together.

    Raises:
        UsageError: there is only one device on one machine.
    """
    placements = placement.parse_devices(devices or "cpu:1", 1)
    if len(placements) * nodes.count < 2:
        raise UsageError(
            f"--parallel {parallel.kind} needs two devices or more",
            hint="--devices cuda:0,cuda:1, or cpu:2",
        )
    return ProcessGroupSpec(parallel, tuple(place.device for place in placements))


def _in_process_executor(
    db: store.Database, run_ids: Sequence[int], options: ExecutionOptions
) -> ExecuteQueue:
    # Imported only here: torch takes a second or two to load, and pools do not need it.
    from nnlab.engine.torch_state import restore_torch_state
    from nnlab.workers.planner import BatchPlanner
    from nnlab.workers.run_queue import run_queue
    from nnlab.workers.worker_context import WorkerContext

    if not gc.isenabled():
        # The command line turns the collector off while modules are imported. They are never
        # garbage, so the collector need not examine them.
        gc.freeze()
        gc.enable()
    planner = BatchPlanner(options.engine)

    def execute(callbacks: RunCallbacks, should_stop: Callable[[], bool]) -> object:
        context = WorkerContext(db, callbacks, should_stop, options.save_policy)
        with _THIS_PROCESS_TRAINS, restore_torch_state():
            return run_queue(context, run_ids, planner=planner)

    return execute


def _first_script_run(db: store.Database, run_ids: Sequence[int]) -> Run | None:
    """The first run if it executes a script; all runs of a study do, or none."""
    runs = store.runs(db, run_ids=run_ids[:1])
    return runs[0] if runs and runs[0].origin is Origin.SCRIPT else None


def _script_executor(
    db: store.Database, run_ids: Sequence[int], options: ExecutionOptions, first: Run
) -> ExecuteQueue:
    if options.parallel is not None:
        raise UsageError(
            f"--parallel {options.parallel.kind} is for models that nnlab trains",
            hint="nnlab run --nproc N starts a script with torchrun",
        )
    # Imported only here: other runs need none of it.
    from nnlab.scripts.script_spec import PROCESSES_NAME
    from nnlab.workers.script_pool import ScriptPool
    from nnlab.workers.script_slots import script_slots

    processes = first.trial.setting.get(PROCESSES_NAME)
    slots = script_slots(
        options.devices,
        jobs=options.jobs,
        per_device=options.per_device,
        processes=processes if isinstance(processes, int) else None,
    )
    return ScriptPool(db, run_ids, slots, options.save_policy).run


def _may_not_start_processes() -> bool:
    """Whether this is a daemonic process, such as a worker of a `multiprocessing.Pool`."""
    # A process that has not imported multiprocessing was not started by it.
    module = sys.modules.get("multiprocessing.process")
    return module is not None and bool(module.current_process().daemon)


def _pool_executor(
    db: store.Database,
    run_ids: Sequence[int],
    options: ExecutionOptions,
    placements: Sequence[Placement],
    spec: ProcessGroupSpec | None,
) -> ExecuteQueue:
    if _may_not_start_processes():
        raise UsageError(
            "a worker of a multiprocessing.Pool may not start processes of its own",
            hint="train without --devices or --parallel there, or use a ProcessPoolExecutor",
        )
    # Imported only here: multiprocessing takes a while to load, and one process does not need it.
    from nnlab.workers.local_pool import LocalPool

    return LocalPool(
        db,
        run_ids,
        placements,
        engine=options.engine if spec is None else "solo",
        save_policy=options.save_policy,
        fill_gpu=options.per_device is None,
        process_group=spec,
        next_round=Nodes if options.rendezvous is None else options.rendezvous.next_round,
    ).run


def _ray_executor(
    db: store.Database,
    run_ids: Sequence[int],
    options: ExecutionOptions,
    resources: ray.RayResources,
) -> ExecuteQueue:
    # Imported only here: Ray is an optional dependency and takes seconds to load.
    from nnlab.workers.ray.pool import RayPool

    spec = None
    if options.parallel is not None:
        spec = ProcessGroupSpec(options.parallel, resources.devices)
    return RayPool(
        db,
        run_ids,
        resources,
        engine=options.engine if spec is None else "solo",
        save_policy=options.save_policy,
        process_group=spec,
    ).run
