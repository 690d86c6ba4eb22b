"""`RayPool`: workers on a Ray cluster, as many as it has resources for; used by the executor."""

import math
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.placement_group import placement_group, remove_placement_group
from ray.util.scheduling_strategies import (
    NodeAffinitySchedulingStrategy,
    PlacementGroupSchedulingStrategy,
)

from nnlab import store
from nnlab.errors import NnlabError
from nnlab.io.redaction import mask_words
from nnlab.provenance.environment import SECRET_OPTIONS
from nnlab.workers.callbacks import INTERRUPTED_BY_USER, RunCallbacks
from nnlab.workers.messages import WorkerCommand, WorkerMessage
from nnlab.workers.nodes import Nodes
from nnlab.workers.parallel_config import ProcessGroupSpec
from nnlab.workers.placement import Placement
from nnlab.workers.ray import RayResources, resolve_cluster_address
from nnlab.workers.ray.actors import (
    CONCURRENCY_GROUPS,
    NAMESPACE,
    ActorDatabaseOpener,
    DatabaseActor,
    DriverCommand,
    WorkerActor,
    init_ray,
)
from nnlab.workers.save_policy import SavePolicy
from nnlab.workers.worker_job import WorkerJob
from nnlab.workers.worker_pool import WorkerHandle, WorkerPool

# How long the pool waits for messages before it checks whether it was asked to stop.
POLL_SECONDS = 0.1
# A note is shown when workers have waited this long for resources; waiting workers are checked at
# the second interval.
WAITING_NOTICE_SECONDS, WAITING_CHECK_SECONDS = 10.0, 1.0
FETCH_TIMEOUT_SECONDS = 60.0
DATABASE_ACTOR_RESTARTS = 8


@dataclass(slots=True)
class _ActorHandle(WorkerHandle):
    """An actor on one node, or one actor on each of several nodes; the first one leads.

    `address_refs` are the pending addresses of actors that wait for resources, `endpoint_ref` is
    the pending endpoint of a process group, and `run_refs` are the pending results.
    """

    number: int = field(kw_only=True)
    actors: list[Any] = field(kw_only=True)
    placement_group: Any = field(kw_only=True, default=None)
    address_refs: list[Any] = field(kw_only=True, default_factory=list)
    endpoint_ref: Any = field(kw_only=True, default=None)
    run_refs: list[Any] = field(kw_only=True, default_factory=list)
    exit_reason: str = field(kw_only=True, default="")

    def send(self, command: WorkerCommand) -> None:
        """See `WorkerHandle.send`; a worker on a cluster is only sent `STOP`."""
        del command
        self.actors[0].stop.remote()

    @property
    def is_unplaced(self) -> bool:
        """Whether it waits for resources of the cluster."""
        return bool(self.address_refs)

    def update_address(self) -> None:
        """Reads the address once all actors have started.

        It is read from the actor itself, because messages are lost if the database actor dies.
        """
        if not self.address_refs:
            return
        started, _ = ray.wait(self.address_refs, num_returns=len(self.address_refs), timeout=0)
        if len(started) == len(self.address_refs):
            with suppress(RayError):  # the actor has died, which its result shows too
                self.address = ray.get(self.address_refs[0])
            self.address_refs = []

    def release(self) -> None:
        """Ends the actors and releases their resources."""
        for actor in self.actors:
            ray.kill(actor)
        if self.placement_group is not None:
            remove_placement_group(self.placement_group)


class RayPool(WorkerPool[_ActorHandle]):
    """Executes a queue on a Ray cluster."""

    fallback_hint = "without --launcher ray this machine trains"

    def __init__(
        self,
        db: store.Database,
        run_ids: Sequence[int],
        resources: RayResources,
        *,
        engine: str,
        save_policy: SavePolicy,
        process_group: ProcessGroupSpec | None = None,
    ) -> None:
        """Joins the cluster and requests workers, which train as soon as they get their resources.

        Args:
            db: where everything is stored.
            run_ids: the runs to train.
            resources: the resources of each worker.
            engine: see `BatchPlanner`.
            save_policy: what is stored of the runs.
            process_group: the devices of each node that train each run together, if they do.

        Raises:
            NnlabError: the cluster cannot be joined.
        """
        _join_cluster(resources)
        self._resources, self._started_count = resources, 0
        self._cluster: str = ray.get_runtime_context().gcs_address
        self._database_actor_name = f"nnlab-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._database_actor = _start_database_actor(self._database_actor_name, db.address)
        capacity = resources.max_parallel or _worker_capacity(resources)
        count = max(1, min(len(run_ids), capacity))
        self._job = WorkerJob(
            ActorDatabaseOpener(
                _absolute_target(db.address), self._database_actor_name, self._cluster
            ),
            tuple(run_ids),
            "cuda:0" if resources.gpus else "cpu",
            engine,
            save_policy,
            math.ceil(len(run_ids) / count),
            process_group,
            cores=max(int(resources.cpus), 1),
        )
        self._last_check = time.monotonic()
        self._notice_time = self._last_check + WAITING_NOTICE_SECONDS
        description = resources.description
        if process_group is not None:
            description = f"{process_group.description} ({description})"
        super().__init__(db, run_ids, [Placement(description)] * count, fill_gpu=False)

    def run(self, callbacks: RunCallbacks, should_stop: Callable[[], bool]) -> None:
        """See `WorkerPool.run`; ends the database actor after the last worker."""
        try:
            super().run(callbacks, should_stop)
        finally:
            ray.kill(self._database_actor)

    def _start(self, placement: Placement) -> _ActorHandle:
        self._started_count += 1
        resources = self._resources
        # Ray displays the arguments of actors; the database's URL is not part of their repr().
        argv = mask_words(sys.argv, secret_options=SECRET_OPTIONS)
        command = DriverCommand(tuple(argv), str(Path.cwd()))
        arguments = (
            self._started_count, self._database_actor_name, self._cluster, self._job, command,
        )  # fmt: skip
        actor_class = ray.remote(WorkerActor).options
        options: dict[str, Any] = {
            "num_cpus": resources.cpus,
            "num_gpus": resources.gpus,
            "memory": resources.memory,
            "max_concurrency": 2,
        }
        if resources.nodes == 1:
            actor = actor_class(**options, scheduling_strategy="SPREAD").remote(*arguments)
            worker = _ActorHandle(placement, number=self._started_count, actors=[actor])
            worker.address_refs = [actor.address.remote()]
            worker.run_refs = [actor.run.remote(None)]
            return worker
        amounts = {"CPU": resources.cpus, "GPU": resources.gpus, "memory": resources.memory}
        bundle = {name: amount for name, amount in amounts.items() if amount}
        group = placement_group([bundle] * resources.nodes, strategy="STRICT_SPREAD")
        actors = [
            actor_class(
                **options,
                scheduling_strategy=PlacementGroupSchedulingStrategy(
                    group, placement_group_bundle_index=index
                ),
            ).remote(*arguments)
            for index in range(resources.nodes)
        ]
        return _ActorHandle(
            placement,
            number=self._started_count,
            actors=actors,
            placement_group=group,
            address_refs=[actor.address.remote() for actor in actors],
            endpoint_ref=actors[0].rendezvous_endpoint.remote(),
        )

    def _poll_messages(
        self, live: Sequence[_ActorHandle], callbacks: RunCallbacks
    ) -> Iterator[tuple[_ActorHandle, WorkerMessage | None]]:
        for worker in live:
            worker.update_address()
        self._start_process_groups(live)
        yield from self._forwarded_messages(POLL_SECONDS)
        workers = {run_ref: worker for worker in live for run_ref in worker.run_refs}
        if workers:
            ended, _ = ray.wait(list(workers), num_returns=len(workers), timeout=0)
            for run_ref in ended:
                worker = workers[run_ref]
                if worker.has_ended:
                    continue
                try:
                    message: WorkerMessage | None = ray.get(run_ref)
                except RayError as error:
                    worker.exit_reason = _error_summary(error)
                    message = None
                else:
                    if run_ref != worker.run_refs[0]:
                        continue  # a follower has ended normally; the leader's result counts
                yield from self._forwarded_messages(0.0)  # those sent before the worker ended
                worker.release()
                yield worker, message
        self._handle_unplaced(live, callbacks)

    def _forwarded_messages(self, timeout: float) -> Iterator[tuple[_ActorHandle, WorkerMessage]]:
        workers = {worker.number: worker for worker in self._workers}
        # A database actor that was restarted has lost its messages, which are only shown.
        with suppress(RayError):
            pop = self._database_actor.pop_messages.options(concurrency_group="pop")
            messages = ray.get(pop.remote(timeout), timeout=FETCH_TIMEOUT_SECONDS)
            for number, message in messages:
                yield workers[number], message

    def _start_process_groups(self, live: Sequence[_ActorHandle]) -> None:
        """Starts the actors of each process group whose rendezvous endpoint is known."""
        for worker in live:
            endpoint_ref = worker.endpoint_ref
            if endpoint_ref is None or not ray.wait([endpoint_ref], timeout=0)[0]:
                continue
            try:
                endpoint = ray.get(endpoint_ref)
            except RayError:
                endpoint = "127.0.0.1:1"  # running the actor fails too, and shows the reason
            worker.endpoint_ref = None
            count = len(worker.actors)
            worker.run_refs = [
                actor.run.remote(Nodes(count, index, endpoint, f"nnlab-{worker.number}"))
                for index, actor in enumerate(worker.actors)
            ]

    def _handle_unplaced(self, live: Sequence[_ActorHandle], callbacks: RunCallbacks) -> None:
        """Notes if no worker gets resources; ends waiting workers for which no run is left."""
        now = time.monotonic()
        waiting = [worker for worker in live if worker.is_unplaced and not worker.has_ended]
        if now - self._last_check < WAITING_CHECK_SECONDS or not waiting:
            return
        self._last_check = now
        if self._stopping or not store.claimable_run_ids(self._db, self._run_ids):
            for worker in waiting:
                worker.has_ended = True
                worker.release()
        elif len(waiting) == len(live) and now > self._notice_time:
            self._notice_time = math.inf
            callbacks.on_note(
                self._run(self._run_ids[0]),
                f"waiting for resources of the cluster: {self._resources.description} for each"
                " worker; `ray status` shows what it has",
            )

    def _describe_exit(self, worker: _ActorHandle) -> str:
        return (
            f"its worker died ({worker.exit_reason})"
            if worker.exit_reason
            else "its worker was ended"
        )

    def _terminate_all(self) -> None:
        for worker in self._live_workers:
            with suppress(RayError):
                worker.release()
            with suppress(NnlabError):
                self._release_runs_of(worker, INTERRUPTED_BY_USER)


def _join_cluster(resources: RayResources) -> None:
    address = resolve_cluster_address(resources.address)
    try:
        init_ray(address)
    except Exception as error:
        raise NnlabError(
            f"cannot join a Ray cluster: {_first_line(error)}",
            hint="`ray status` shows what is running; without --address this command starts one",
        ) from error


def _start_database_actor(name: str, address: store.Address) -> Any:
    """Starts the database actor on this node, where a database file is."""
    this_node = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor = ray.remote(concurrency_groups=CONCURRENCY_GROUPS)(DatabaseActor).options(
        name=name,
        namespace=NAMESPACE,
        num_cpus=0,
        max_restarts=DATABASE_ACTOR_RESTARTS,
        scheduling_strategy=this_node,
    )
    return actor.remote(_absolute_target(address))


def _absolute_target(address: store.Address) -> str:
    """The target that opens the database from any folder of this machine."""
    if isinstance(address, store.FileAddress):
        return address.portable_target
    return address.target


def _worker_capacity(resources: RayResources) -> int:
    """How many workers fit on the cluster; each takes `resources.nodes` different nodes."""
    amounts = {"CPU": resources.cpus, "GPU": resources.gpus, "memory": resources.memory}
    actors_per_node = []
    for node in ray.nodes():
        if node["Alive"]:
            available = node["Resources"]
            limits = [
                available.get(name, 0.0) // amount for name, amount in amounts.items() if amount
            ]
            actors_per_node.append(int(min(limits, default=1)))
    workers = 0
    while (
        sum(min(actors, workers + 1) for actors in actors_per_node)
        >= (workers + 1) * resources.nodes
    ):
        workers += 1
    return workers


def _error_summary(error: RayError) -> str:
    first_line = _first_line(error)
    name = type(error).__name__
    return name if first_line == name else f"{name}: {first_line}"


def _first_line(error: Exception) -> str:
    """The first line of an error's message, or the name of its type."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
