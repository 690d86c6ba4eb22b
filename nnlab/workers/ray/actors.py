"""What runs on a Ray cluster: a keeper beside the database, and workers wherever there is room.

A database in a file of one machine is written there and nowhere else: workers ask the keeper. A
server they reach by themselves. Either way the keeper has the folder for what runs make, unless
they were told of a place that all nodes reach, and passes on what workers tell of their runs.
"""

import os
import queue
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from typing import Any

import ray
from ray.exceptions import RayError

from nnlab import store
from nnlab.errors import ConnectionLost, NnlabError
from nnlab.store.address import FileAddress, parse_address
from nnlab.workers.nodes import Nodes
from nnlab.workers.parallel_config import silence_torch_logs
from nnlab.workers.placement import STOP_COMMAND, WorkerAddress, WorkerJob, WorkerMessage
from nnlab.workers.ray import LOCAL_ADDRESS

NAMESPACE = "nnlab"
# A worker tells so often, in seconds, all that has gathered.
FLUSH_SECONDS = 0.1
# A question that is not answered so long, in seconds, is taken for unheard.
RPC_TIMEOUT_SECONDS = 60.0

# Threads of the keeper: tellings keep their order in one, and files do not hold up epochs.
CONCURRENCY_GROUPS = {"store": 4, "files": 4, "telling": 1, "hearing": 1}


class DatabaseActor:
    """Answers for the database and its folder; keeps what workers tell until it is asked for."""

    def __init__(self, target: str) -> None:
        self._db = store.open_database(target, write=True)
        self._told: queue.SimpleQueue[tuple[int, WorkerMessage]] = queue.SimpleQueue()

    def ask(self, question: store.RpcRequest) -> tuple[bool, Any]:
        """Whether it was done, and the answer or the error."""
        try:
            return True, store.execute_request(self._db, question)
        except Exception as error:  # noqa: BLE001  it is raised again where it was asked
            return False, error

    def tell(self, number: int, messages: list[WorkerMessage]) -> None:
        """Takes what a worker tells."""
        for message in messages:
            self._told.put((number, message))

    def heard(self, seconds: float) -> list[tuple[int, WorkerMessage]]:
        """What was told, by the workers' numbers; waits so long for something."""
        found = []
        with suppress(queue.Empty):
            found.append(self._told.get(timeout=seconds))
            while True:
                found.append(self._told.get_nowait())
        return found


@dataclass(frozen=True, slots=True)
class DriverCommand:
    """The command that workers work for: its words, and the folder that it runs in."""

    words: tuple[str, ...]
    folder: str


@dataclass(frozen=True, slots=True)
class ActorDatabaseOpener:
    """A database that is opened on any node: a server itself, a file through its keeper."""

    target: str = field(repr=False)  # may hold a password
    actor_name: str
    cluster: str

    def open(self) -> store.AnyDatabase:
        """As every database that a worker is told of."""
        ask = rpc_caller(get_database_actor(self.actor_name, self.cluster))
        address = parse_address(self.target)
        if isinstance(address, FileAddress):
            return store.RemoteDatabase(address, ask)
        db = store.open_database(self.target, write=True)
        db.files = store.RemoteFolder(ask)
        return db


def get_database_actor(name: str, cluster: str) -> Any:
    """The keeper, from any process of the cluster's nodes."""
    init_ray(cluster)
    return ray.get_actor(name, namespace=NAMESPACE)


def init_ray(address: str) -> None:
    """Joins a cluster, or starts one on this machine; what Ray would print stays unsaid."""
    if ray.is_initialized():
        return
    ray.init(
        address=address,
        namespace=NAMESPACE,
        log_to_driver=False,
        logging_level="ERROR",
        include_dashboard=False if address == LOCAL_ADDRESS else None,
    )


def rpc_caller(keeper: Any) -> store.SendRequest:
    """Puts questions to a keeper.

    The answer raises ConnectionLost where it is not there: after all, it may be started again.
    """

    def ask(question: store.RpcRequest) -> Any:
        group = "store" if question.folder_path is None else "files"
        try:
            asked = keeper.ask.options(concurrency_group=group).remote(question)
            done, found = ray.get(asked, timeout=RPC_TIMEOUT_SECONDS)
        except RayError as error:
            raise ConnectionLost(
                f"the process that has the database open cannot be reached: {type(error).__name__}"
            ) from error
        if not done:
            raise found
        return found

    return ask


class MessageForwarder:
    """Tells a keeper what a worker says, many messages at once, in their order."""

    def __init__(self, keeper: Any, number: int) -> None:
        self._keeper, self._number = keeper, number
        self._waiting: list[WorkerMessage] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._send_on, name="nnlab-telling", daemon=True)
        self._thread.start()

    def __call__(self, message: WorkerMessage) -> None:
        """Says a message, at the next time."""
        with self._lock:
            self._waiting.append(message)

    def close(self) -> None:
        """Returns when all has arrived, or cannot."""
        self._over.set()
        self._thread.join()
        self._send()

    def _send_on(self) -> None:
        while not self._over.wait(FLUSH_SECONDS):
            self._send()

    def _send(self) -> None:
        with self._lock:
            messages, self._waiting = self._waiting, []
        if messages:
            # What is only shown may be lost: a keeper that is gone has nobody to show it to.
            with suppress(RayError):
                tell = self._keeper.tell.options(concurrency_group="telling")
                ray.get(tell.remote(self._number, messages), timeout=RPC_TIMEOUT_SECONDS)


class WorkerActor:
    """Works runs off in one process of a node, or leads or follows in a team of several nodes."""

    def __init__(
        self, number: int, keeper: str, cluster: str, job: WorkerJob, whose: DriverCommand
    ) -> None:
        with suppress(OSError):  # where nodes share it, the user's own files are found in it
            os.chdir(whose.folder)
        sys.argv = list(whose.words)  # runs are told to have been trained by what a user can type
        self._telling = MessageForwarder(get_database_actor(keeper, cluster), number)
        self._job = job
        self._stop = threading.Event()

    def where(self) -> WorkerAddress:
        """Which process it is."""
        return WorkerAddress.here()

    def meet(self) -> str:
        """Where others could meet this one: HOST:PORT."""
        with socket.socket() as one:
            one.bind(("", 0))
            return f"{ray.util.get_node_ip_address()}:{one.getsockname()[1]}"

    def work(self, nodes: Nodes | None) -> WorkerMessage:
        """Trains until nothing waits; with `nodes`, together with the workers on those."""
        try:
            if nodes is not None:
                return self._in_team(nodes)
            # Torch is loaded only now: whoever waits for room waits without it.
            from nnlab.workers.worker_process import run_job

            return run_job(self._job, self._telling, self._stop.is_set)
        finally:
            self._telling.close()

    def stop(self) -> None:
        """Ends the work in good order, after an epoch."""
        self._stop.set()

    def _in_team(self, nodes: Nodes) -> WorkerMessage:
        """Has a process of its own be one of several: torch's launcher wants its main thread."""
        import multiprocessing

        from nnlab.workers.worker_process import worker_main

        silence_torch_logs()
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        job = replace(self._job, nodes=nodes)
        process = context.Process(target=worker_main, args=(job, theirs))
        process.start()
        theirs.close()
        try:
            return self._relay(ours)
        finally:
            process.join(RPC_TIMEOUT_SECONDS)
            process.kill()

    def _relay(self, pipe: Connection) -> WorkerMessage:
        told_to_stop = False
        while True:
            if self._stop.is_set() and not told_to_stop:
                told_to_stop = True
                with suppress(OSError):
                    pipe.send(STOP_COMMAND)
            if not pipe.poll(FLUSH_SECONDS):
                continue
            try:
                message: WorkerMessage = pipe.recv()
            except (EOFError, OSError):
                raise NnlabError("the process that trained ended without a word") from None
            if message.what in ("done", "failed", "interrupted"):
                return message
            self._telling(message)
