"""Starts the processes of a process group on this node with torch's elastic launcher.

The leader rank is an ordinary worker: it claims runs, stores metrics and decides. The other ranks
train what it broadcasts. If one of the processes fails, all are ended, and the run is resumed from
its checkpoint by a new group.
"""

import logging
import os
import signal
import warnings
from dataclasses import replace
from multiprocessing.connection import Connection

import torch
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from nnlab.engine import device as devices
from nnlab.engine.data import location
from nnlab.engine.distributed import GroupLeader, exit_immediately, run_followers
from nnlab.engine.process_group import ProcessGroup, distributed_context
from nnlab.errors import NnlabError
from nnlab.workers.messages import WorkerDone
from nnlab.workers.nodes import Nodes
from nnlab.workers.parallel_config import ProcessGroupSpec
from nnlab.workers.parent_watchdog import call_when_orphaned
from nnlab.workers.worker_job import WorkerJob
from nnlab.workers.worker_process import run_job_for_parent


def launch_process_group(job: WorkerJob, spec: ProcessGroupSpec, parent: Connection | None) -> None:
    """Starts this node's processes and waits for them.

    Args:
        job: the queue, and the nodes of which this is one.
        spec: the devices of this node, one process each.
        parent: receives the leader's messages, if the leader is on this node.

    Raises:
        NnlabError: one of the processes failed.
    """
    # Each module of the launcher sets a level of its own.
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("torch.distributed"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        elastic_launch(_launch_config(job.nodes, len(spec.devices)), _run_rank)(job, spec, parent)
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        message = failure.message.strip() if isinstance(failure.message, str) else ""
        reason = message.splitlines()[-1] if message else f"exit code {failure.exitcode}"
        raise NnlabError(f"process {rank} of {spec.description} ended: {reason}") from None
    except SignalException:
        exit_immediately(1)  # the launcher has ended its processes already


def _launch_config(nodes: Nodes, processes: int) -> LaunchConfig:
    several_nodes = nodes.count > 1
    config = LaunchConfig(
        min_nodes=nodes.count,
        max_nodes=nodes.count,
        nproc_per_node=processes,
        run_id=nodes.run_id,
        rdzv_backend="static" if several_nodes else "c10d",
        rdzv_endpoint=nodes.endpoint,
        rdzv_configs={"rank": nodes.index, "timeout": 600} if several_nodes else {},
        start_method="spawn",
        max_restarts=0,
        monitor_interval=0.1,
    )
    if hasattr(config, "signals_to_handle"):  # since torch 2.9
        # Ctrl-C reaches all processes of the terminal: the parent handles it and sends SIGTERM.
        config.signals_to_handle = "SIGTERM"
    return config


def _run_rank(job: WorkerJob, spec: ProcessGroupSpec, parent: Connection | None) -> None:
    """Executes one rank; called by the launcher in a new process."""
    warnings.filterwarnings("ignore", module="torch")
    call_when_orphaned(lambda: os._exit(1))
    device = torch.device(spec.devices[int(os.environ["LOCAL_RANK"])])
    cores = job.cores and max(job.cores // len(spec.devices), 1)
    devices.set_auto_device(str(device), cores)
    # Ctrl-C reaches all processes of the terminal, and SIGUSR1 all of a job: the parent handles
    # them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    with distributed_context(device):
        # The followers do not open the database, but must find the same data files.
        location.add_moved_paths(job.save_policy.moved_data)
        group = ProcessGroup(spec.parallel.kind, sync_batch_norm=spec.parallel.sync_batch_norm)
        if group.leads and parent is not None:
            _run_leader(replace(job, device=str(device), cores=cores), parent, GroupLeader(group))
        else:
            run_followers(group)


def _run_leader(job: WorkerJob, parent: Connection, leader: GroupLeader) -> None:
    exit_message = run_job_for_parent(job, parent, leader)
    if not isinstance(exit_message, WorkerDone):
        parent.send(exit_message)
        # The other ranks may be in the middle of a collective operation: the launcher ends them.
        exit_immediately(1)
    leader.broadcast_shutdown()
