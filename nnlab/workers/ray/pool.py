"""A crew of Ray actors: as many workers as the cluster has room for, or as were asked for."""

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
from nnlab.workers.callbacks import RunCallbacks
from nnlab.workers.nodes import Nodes
from nnlab.workers.parallel_config import ProcessGroupSpec
from nnlab.workers.placement import Placement, WorkerJob, WorkerMessage
from nnlab.workers.provenance import SECRET_OPTIONS
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
from nnlab.workers.worker_pool import WorkerHandle, WorkerPool

# How long the crew listens before it looks whether it was asked to stop.
POLL_SECONDS = 0.1
# Once a worker has waited so long for room, it is said; whether one still has to wait is asked as
# often as the second.
WAITING_NOTICE_SECONDS, WAITING_CHECK_SECONDS = 10.0, 1.0
FETCH_TIMEOUT_SECONDS = 60.0
DATABASE_ACTOR_RESTARTS = 8


@dataclass(slots=True)
class _ActorHandle(WorkerHandle):
    """A worker on one node, or a team of one on each of several; the first of them leads."""

    number: int = field(kw_only=True)
    actors: list[Any] = field(kw_only=True)
    group: Any = field(kw_only=True, default=None)
    placed: list[Any] = field(kw_only=True, default_factory=list)
    meeting: Any = field(kw_only=True, default=None)
    work_refs: list[Any] = field(kw_only=True, default_factory=list)
    why: str = field(kw_only=True, default="")

    def tell(self, order: str) -> None:
        """As every worker is told; the only order that one on a cluster gets is to stop."""
        del order
        self.actors[0].stop.remote()

    @property
    def waits(self) -> bool:
        """Whether there is no room for it yet."""
        return bool(self.placed)

    def update_address(self) -> None:
        """Notes where it is, once there is room for all of it.

        It is asked itself: a keeper that dies forgets what it was told.
        """
        if not self.placed:
            return
        there, _ = ray.wait(self.placed, num_returns=len(self.placed), timeout=0)
        if len(there) == len(self.placed):
            with suppress(RayError):  # it has died; its work says so too
                self.place = ray.get(self.placed[0])
            self.placed = []

    def end(self) -> None:
        """Gives back what it held of the cluster."""
        for actor in self.actors:
            ray.kill(actor)
        if self.group is not None:
            remove_placement_group(self.group)


class RayPool(WorkerPool[_ActorHandle]):
    """Works off runs on a Ray cluster."""

    without = "without --launcher ray it trains here"

    def __init__(
        self,
        db: store.Database,
        run_ids: Sequence[int],
        wanted: RayResources,
        *,
        engine: str,
        keeping: SavePolicy,
        team: ProcessGroupSpec | None = None,
    ) -> None:
        """Joins the cluster and asks it for workers; they begin to train where there is room.

        Args:
            db: where everything is stored.
            run_ids: what to train.
            wanted: what each worker is given.
            engine: as for `Planner`.
            keeping: what is kept of the runs.
            team: the devices of each node that train each run together, if they do.

        Raises:
            NnlabError: the cluster cannot be joined.
        """
        _join_cluster(wanted)
        self._wanted, self._numbers = wanted, 0
        self._cluster: str = ray.get_runtime_context().gcs_address
        self._keeper_name = f"nnlab-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._keeper = _start_database_actor(self._keeper_name, db.address)
        room = wanted.max_parallel or _worker_capacity(wanted)
        count = max(1, min(len(run_ids), room))
        self._job = WorkerJob(
            ActorDatabaseOpener(_absolute_target(db.address), self._keeper_name, self._cluster),
            tuple(run_ids),
            "cuda:0" if wanted.gpus else "cpu",
            engine,
            keeping,
            math.ceil(len(run_ids) / count),
            team,
            cores=max(int(wanted.cpus), 1),
        )
        self._asked = time.monotonic()
        self._patient_until = self._asked + WAITING_NOTICE_SECONDS
        slot = Placement(wanted.shown if team is None else f"{team.shown} ({wanted.shown})")
        super().__init__(db, run_ids, [slot] * count, packs=False)

    def work(self, listener: RunCallbacks, should_stop: Callable[[], bool]) -> None:
        """As every crew does; the keeper goes with the last of them."""
        try:
            super().work(listener, should_stop)
        finally:
            ray.kill(self._keeper)

    def _start(self, slot: Placement) -> _ActorHandle:
        self._numbers += 1
        wanted = self._wanted
        resources = {"CPU": wanted.cpus, "GPU": wanted.gpus, "memory": wanted.memory}
        bundle = {name: value for name, value in resources.items() if value}
        remote = ray.remote(WorkerActor)
        # Ray shows the arguments of its actors; the database's URL has a field of its own.
        words = mask_words(sys.argv, secret_options=SECRET_OPTIONS)
        whose = DriverCommand(tuple(words), str(Path.cwd()))
        arguments = (self._numbers, self._keeper_name, self._cluster, self._job, whose)
        options: dict[str, Any] = {
            "num_cpus": wanted.cpus,
            "num_gpus": wanted.gpus,
            "memory": wanted.memory,
            "max_concurrency": 2,
        }
        if wanted.nodes == 1:
            actor = remote.options(**options, scheduling_strategy="SPREAD").remote(*arguments)
            one = _ActorHandle(slot, number=self._numbers, actors=[actor])
            one.placed = [actor.where.remote()]
            one.work_refs = [actor.work.remote(None)]
            return one
        group = placement_group([bundle] * wanted.nodes, strategy="STRICT_SPREAD")
        actors = [
            remote.options(
                **options,
                scheduling_strategy=PlacementGroupSchedulingStrategy(
                    group, placement_group_bundle_index=index
                ),
            ).remote(*arguments)
            for index in range(wanted.nodes)
        ]
        return _ActorHandle(
            slot,
            number=self._numbers,
            actors=actors,
            group=group,
            placed=[actor.where.remote() for actor in actors],
            meeting=actors[0].meet.remote(),
        )

    def _heard(
        self, live: Sequence[_ActorHandle], listener: RunCallbacks
    ) -> Iterator[tuple[_ActorHandle, WorkerMessage | None]]:
        for one in live:
            one.update_address()
        self._let_teams_begin(live)
        yield from self._told(POLL_SECONDS)
        by_work = {work: one for one in live for work in one.work_refs}
        if by_work:
            ended, _ = ray.wait(list(by_work), num_returns=len(by_work), timeout=0)
            for work in ended:
                one = by_work[work]
                if not one.has_ended and (answer := self._outcome(one, work)) is not None:
                    yield from self._told(0.0)  # what it told before it ended
                    one.end()
                    yield one, answer[0]
        self._mind_those_who_wait(live, listener)

    def _told(self, seconds: float) -> Iterator[tuple[_ActorHandle, WorkerMessage]]:
        by_number = {one.number: one for one in self._members}
        # A keeper that is started again has forgotten what was only to be shown.
        with suppress(RayError):
            hear = self._keeper.heard.options(concurrency_group="hearing")
            found = ray.get(hear.remote(seconds), timeout=FETCH_TIMEOUT_SECONDS)
            for number, message in found:
                yield by_number[number], message

    def _outcome(self, one: _ActorHandle, work: Any) -> tuple[WorkerMessage | None] | None:
        """How a worker ended, None inside for one that died; None for a follower that is done."""
        try:
            message: WorkerMessage = ray.get(work)
        except RayError as error:
            one.why = _error_summary(error)
            return (None,)
        return (message,) if work == one.work_refs[0] else None

    def _let_teams_begin(self, live: Sequence[_ActorHandle]) -> None:
        """Has those begin to work whose first node is known: the others meet there."""
        for one in live:
            if one.meeting is None or not ray.wait([one.meeting], timeout=0)[0]:
                continue
            try:
                endpoint = ray.get(one.meeting)
            except RayError:
                endpoint = "127.0.0.1:1"  # its work fails as well, and says why
            one.meeting = None
            count = len(one.actors)
            one.work_refs = [
                actor.work.remote(Nodes(count, index, endpoint, f"nnlab-{one.number}"))
                for index, actor in enumerate(one.actors)
            ]

    def _mind_those_who_wait(self, live: Sequence[_ActorHandle], listener: RunCallbacks) -> None:
        """Says that there is no room yet; lets those go who wait for room in vain."""
        now = time.monotonic()
        waiting = [one for one in live if one.waits and not one.has_ended]
        if now - self._asked < WAITING_CHECK_SECONDS or not waiting:
            return
        self._asked = now
        if self._stopping or not store.claimable_run_ids(self._db, self._run_ids):
            for one in waiting:
                one.has_ended = True
                one.end()
        elif len(waiting) == len(live) and now > self._patient_until:
            self._patient_until = math.inf
            listener.noted(
                self._run(self._run_ids[0]),
                f"waiting for room on the cluster: {self._wanted.shown} for each worker;"
                " `ray status` says what it has",
            )

    def _how_it_died(self, one: _ActorHandle) -> str:
        return f"its worker is gone ({one.why})" if one.why else "its worker was ended"

    def _end(self) -> None:
        for one in self._live:
            with suppress(RayError):
                one.end()
            with suppress(NnlabError):
                self._free(one, "stopped by the user in mid epoch")


def _join_cluster(wanted: RayResources) -> None:
    address = resolve_cluster_address(wanted.address)
    try:
        init_ray(address)
    except Exception as error:
        told = str(error).strip().splitlines()
        raise NnlabError(
            f"no Ray cluster can be joined: {told[0] if told else type(error).__name__}",
            hint="`ray status` says what is running; without --address one is started here",
        ) from error


def _start_database_actor(name: str, address: store.Address) -> Any:
    """Starts the keeper of a database, on this node and no other."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor = ray.remote(concurrency_groups=CONCURRENCY_GROUPS)(DatabaseActor).options(
        name=name,
        namespace=NAMESPACE,
        num_cpus=0,
        max_restarts=DATABASE_ACTOR_RESTARTS,
        scheduling_strategy=here,
    )
    return actor.remote(_absolute_target(address))


def _absolute_target(address: store.Address) -> str:
    """What opens the database in another folder of this machine."""
    if isinstance(address, store.FileAddress):
        return address.elsewhere
    return address.target


def _worker_capacity(wanted: RayResources) -> int:
    """How many workers, or teams on nodes of their own, there is room for now."""
    rooms = []
    for node in ray.nodes():
        if node["Alive"]:
            has = node["Resources"]
            per = [
                has.get(name, 0.0) // one
                for name, one in (
                    ("CPU", wanted.cpus),
                    ("GPU", wanted.gpus),
                    ("memory", wanted.memory),
                )
                if one
            ]
            rooms.append(int(min(per, default=1)))
    teams = 0
    while sum(min(room, teams + 1) for room in rooms) >= (teams + 1) * wanted.nodes:
        teams += 1
    return teams


def _error_summary(error: RayError) -> str:
    told = str(error).strip().splitlines()
    return f"{type(error).__name__}: {told[0]}" if told else type(error).__name__
