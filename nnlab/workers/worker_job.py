"""`WorkerJob`, the arguments of a worker process, and how it opens the database; for all pools."""

import os
import socket
from dataclasses import dataclass, field
from typing import Protocol

from nnlab import store
from nnlab.workers.nodes import SINGLE_NODE, Nodes
from nnlab.workers.parallel_config import ProcessGroupSpec
from nnlab.workers.save_policy import SavePolicy


@dataclass(frozen=True, slots=True)
class WorkerAddress:
    """Identifies a worker process: host, PID namespace and process ID."""

    hostname: str
    pid_namespace: str
    pid: int

    @classmethod
    def of_this_process(cls) -> "WorkerAddress":
        """The address of the current process."""
        return cls(socket.gethostname(), store.current_pid_namespace(), os.getpid())


class DatabaseOpener(Protocol):
    """Opens the database in another process; must be picklable."""

    def open(self) -> store.AnyDatabase:
        """Opens the database for writing.

        Raises:
            StoreError: it cannot be opened.
        """


@dataclass(frozen=True, slots=True)
class AddressDatabaseOpener:
    """Opens a database by its path or URL."""

    target: str = field(repr=False)  # may contain a password

    def open(self) -> store.AnyDatabase:
        """See `DatabaseOpener.open`."""
        return store.open_database(self.target, write=True)


@dataclass(frozen=True, slots=True)
class WorkerJob:
    """The arguments of a worker process; must be picklable.

    Args:
        db: opens the database.
        run_ids: the queue, in order.
        device: the device of runs whose setting is `auto`.
        engine: see `BatchPlanner`.
        save_policy: what is stored of the runs.
        max_claims: how many runs to claim at once, so that other workers get some as well.
        process_group: the devices of this node that train each run together, if they do.
        nodes: the nodes that train each run together, and the index of this one.
        cores: CPU cores that each run may use; None chooses the number for each run.
    """

    db: DatabaseOpener
    run_ids: tuple[int, ...]
    device: str
    engine: str
    save_policy: SavePolicy
    max_claims: int
    process_group: ProcessGroupSpec | None = None
    nodes: Nodes = SINGLE_NODE
    cores: int | None = None
