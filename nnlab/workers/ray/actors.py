"""Ray actors for `RayPool`: one on the node of the database, and workers on any node.

A database file is accessed only on its own machine: workers send their calls to the database actor.
They connect to a database server by themselves. In both cases the database actor stores the files
of the runs, unless an artifact location that all nodes can reach is configured, and queues the
workers' messages for the pool.
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
from nnlab.workers.messages import WorkerCommand, WorkerExit, WorkerMessage
from nnlab.workers.nodes import Nodes
from nnlab.workers.parallel_config import silence_torch_logs
from nnlab.workers.ray import LOCAL_ADDRESS
from nnlab.workers.worker_job import WorkerAddress, WorkerJob

NAMESPACE = "nnlab"
# Workers send their messages in batches at this interval.
FLUSH_SECONDS = 0.1
# A call without an answer for this time counts as failed.
RPC_TIMEOUT_SECONDS = 60.0

# Threads of the database actor: one for messages, which keeps their order, and separate ones for
# files, so that uploads do not delay epochs.
CONCURRENCY_GROUPS = {"store": 4, "files": 4, "push": 1, "pop": 1}


class DatabaseActor:
    """Executes calls on the database and its folder; queues the workers' messages for the pool."""

    def __init__(self, target: str) -> None:
        self._db = store.open_database(target, write=True)
        self._messages: queue.SimpleQueue[tuple[int, WorkerMessage]] = queue.SimpleQueue()

    def call(self, request: store.RpcRequest) -> tuple[bool, Any]:
        """Executes a request; returns True and the result, or False and the exception."""
        try:
            return True, store.execute_request(self._db, request)
        except Exception as error:  # noqa: BLE001  the caller raises it again
            return False, error

    def push_messages(self, number: int, messages: list[WorkerMessage]) -> None:
        """Queues messages of the worker with this number."""
        for message in messages:
            self._messages.put((number, message))

    def pop_messages(self, timeout: float) -> list[tuple[int, WorkerMessage]]:
        """Returns the queued messages, with the numbers of their workers.

        Args:
            timeout: how many seconds to wait for the first message.
        """
        messages = []
        with suppress(queue.Empty):
            messages.append(self._messages.get(timeout=timeout))
            while True:
                messages.append(self._messages.get_nowait())
        return messages


@dataclass(frozen=True, slots=True)
class DriverCommand:
    """The command that the user started: its arguments, and its working folder."""

    argv: tuple[str, ...]
    folder: str


@dataclass(frozen=True, slots=True)
class ActorDatabaseOpener:
    """Opens a database on any node: a server directly, a file through the database actor."""

    target: str = field(repr=False)  # may contain a password
    actor_name: str
    cluster: str

    def open(self) -> store.AnyDatabase:
        """See `DatabaseOpener.open`."""
        send_request = rpc_caller(get_database_actor(self.actor_name, self.cluster))
        address = parse_address(self.target)
        if isinstance(address, FileAddress):
            return store.RemoteDatabase(address, send_request)
        db = store.open_database(self.target, write=True)
        db.files = store.RemoteFolder(send_request)
        return db


def get_database_actor(name: str, cluster: str) -> Any:
    """Returns the handle of the database actor, in any process on the cluster."""
    init_ray(cluster)
    return ray.get_actor(name, namespace=NAMESPACE)


def init_ray(address: str) -> None:
    """Joins a cluster, or starts one on this machine, without Ray's output."""
    if ray.is_initialized():
        return
    ray.init(
        address=address,
        namespace=NAMESPACE,
        log_to_driver=False,
        logging_level="ERROR",
        include_dashboard=False if address == LOCAL_ADDRESS else None,
    )


def rpc_caller(database_actor: Any) -> store.SendRequest:
    """Returns a function that sends requests to the database actor.

    It raises ConnectionLost if the actor cannot be reached, because Ray may restart the actor.
    """

    def send_request(request: store.RpcRequest) -> Any:
        group = "store" if request.folder_path is None else "files"
        try:
            answer = database_actor.call.options(concurrency_group=group).remote(request)
            succeeded, result = ray.get(answer, timeout=RPC_TIMEOUT_SECONDS)
        except RayError as error:
            raise ConnectionLost(
                f"the database actor cannot be reached: {type(error).__name__}"
            ) from error
        if not succeeded:
            raise result
        return result

    return send_request


class MessageForwarder:
    """Sends a worker's messages to the database actor, in batches and in order."""

    def __init__(self, database_actor: Any, number: int) -> None:
        self._database_actor, self._number = database_actor, number
        self._pending: list[WorkerMessage] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(
            target=self._send_periodically, name="nnlab-messages", daemon=True
        )
        self._thread.start()

    def __call__(self, message: WorkerMessage) -> None:
        """Sends a message with the next batch."""
        with self._lock:
            self._pending.append(message)

    def close(self) -> None:
        """Sends the pending messages and waits until they are delivered or lost."""
        self._closed.set()
        self._thread.join()
        self._send()

    def _send_periodically(self) -> None:
        while not self._closed.wait(FLUSH_SECONDS):
            self._send()

    def _send(self) -> None:
        with self._lock:
            messages, self._pending = self._pending, []
        if messages:
            # Messages are only shown to the user, so they may be lost with the actor.
            with suppress(RayError):
                push = self._database_actor.push_messages.options(concurrency_group="push")
                ray.get(push.remote(self._number, messages), timeout=RPC_TIMEOUT_SECONDS)


class WorkerActor:
    """A worker of the pool: executes the queue by itself, or with the actors of other nodes."""

    def __init__(
        self,
        number: int,
        database_actor_name: str,
        cluster: str,
        job: WorkerJob,
        command: DriverCommand,
    ) -> None:
        with suppress(OSError):  # the folder may not exist on this node
            os.chdir(command.folder)
        sys.argv = list(command.argv)  # the command line that is stored with each attempt
        database_actor = get_database_actor(database_actor_name, cluster)
        self._messages = MessageForwarder(database_actor, number)
        self._job = job
        self._stop = threading.Event()

    def address(self) -> WorkerAddress:
        """The address of the actor's process."""
        return WorkerAddress.of_this_process()

    def rendezvous_endpoint(self) -> str:
        """A free HOST:PORT of this node, for the process group."""
        with socket.socket() as probe:
            probe.bind(("", 0))
            return f"{ray.util.get_node_ip_address()}:{probe.getsockname()[1]}"

    def run(self, nodes: Nodes | None) -> WorkerExit:
        """Trains until no run is left; with `nodes`, each run together with their actors."""
        try:
            if nodes is not None:
                return self._run_process_group(nodes)
            # Imported only here: an actor that waits for resources does not load torch.
            from nnlab.workers.worker_process import run_job

            return run_job(self._job, self._messages, self._stop.is_set)
        finally:
            self._messages.close()

    def stop(self) -> None:
        """Ends training after the current epoch."""
        self._stop.set()

    def _run_process_group(self, nodes: Nodes) -> WorkerExit:
        """Executes the job in a new process, because torch's launcher needs the main thread."""
        # Imported only here: an actor that waits for resources does not load torch.
        import multiprocessing

        from nnlab.workers.worker_main import worker_main

        silence_torch_logs()
        context = multiprocessing.get_context("spawn")
        actor_end, process_end = context.Pipe()
        job = replace(self._job, nodes=nodes)
        process = context.Process(target=worker_main, args=(job, process_end))
        process.start()
        process_end.close()
        try:
            return self._relay(actor_end)
        finally:
            process.join(RPC_TIMEOUT_SECONDS)
            process.kill()

    def _relay(self, pipe: Connection) -> WorkerExit:
        """Forwards the messages of the process; returns how it ended."""
        stop_sent = False
        while True:
            if self._stop.is_set() and not stop_sent:
                stop_sent = True
                with suppress(OSError):
                    pipe.send(WorkerCommand.STOP)
            if not pipe.poll(FLUSH_SECONDS):
                continue
            try:
                message: WorkerMessage = pipe.recv()
            except (EOFError, OSError):
                raise NnlabError("the training process ended without a result") from None
            if isinstance(message, WorkerExit):
                return message
            self._messages(message)
