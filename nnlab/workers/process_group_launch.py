"""One run in several processes: torch's own elastic launcher starts them, one for each device.

The first is a worker like any other: it claims, stores, decides. The others follow it. Where one
of them fails all are ended, and the run goes on from its checkpoint with new ones.
"""

import logging
import os
import signal
import sys
import warnings
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Any, NoReturn

import torch
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from nnlab.config import RunConfig, config_of, setting_of
from nnlab.engine import checkpoint
from nnlab.engine import device as devices
from nnlab.engine.data import location
from nnlab.engine.loop import train
from nnlab.engine.process_group import (
    ProcessGroup,
    check_batch_shares,
    check_parallel_support,
    distributed_context,
    join_process_group,
)
from nnlab.engine.session import Session, build_session
from nnlab.errors import DataError, NnlabError
from nnlab.records import Status
from nnlab.workers.parallel_config import CONTINUE_RUN, END_RUN, INTERRUPT_RUN, SAVE_CHECKPOINT
from nnlab.workers.parent_watchdog import call_when_orphaned
from nnlab.workers.placement import WorkerJob


@dataclass(frozen=True, slots=True)
class RunBroadcast:
    """A run that is to be trained together: its setting, its seed, and the state it begins with.

    `fingerprint` is that of the leader's data: each process loads the data itself.
    """

    setting: dict[str, Any]
    seed: int
    state: bytes
    fingerprint: str


def launch_process_group(job: WorkerJob, parent: Connection | None) -> None:
    """Starts this node's processes and waits for them.

    Args:
        job: what is to be trained, by which team, on which nodes, of which this is one.
        parent: who hears the leader, if that is on this node.

    Raises:
        NnlabError: one of the processes failed.
    """
    assert job.team is not None
    nodes = job.nodes
    # Each of the launcher's modules sets a level of its own.
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("torch.distributed"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    config = LaunchConfig(
        min_nodes=nodes.count,
        max_nodes=nodes.count,
        nproc_per_node=len(job.team.devices),
        run_id=nodes.run_id,
        rdzv_backend="static" if nodes.count > 1 else "c10d",
        rdzv_endpoint=nodes.endpoint,
        rdzv_configs={"rank": nodes.index, "timeout": 600} if nodes.count > 1 else {},
        start_method="spawn",
        max_restarts=0,
        monitor_interval=0.1,
    )
    if hasattr(config, "signals_to_handle"):  # torch before 2.9 has no choice
        # Ctrl-C reaches the whole terminal: the parent decides what it means, and says so by this.
        config.signals_to_handle = "SIGTERM"
    try:
        elastic_launch(config, _run_rank)(job, parent)
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        told = failure.message if isinstance(failure.message, str) else ""
        why = told.strip().splitlines()[-1] if told.strip() else f"exit code {failure.exitcode}"
        raise NnlabError(f"process {rank} of {job.team.shown} ended: {why}") from None
    except SignalException:
        exit_immediately(1)  # its processes have ended by now


def _run_rank(job: WorkerJob, parent: Connection | None) -> None:
    """What each of the processes does."""
    warnings.filterwarnings("ignore", module="torch")
    call_when_orphaned(lambda: os._exit(1))
    assert job.team is not None
    device = torch.device(job.team.devices[int(os.environ["LOCAL_RANK"])])
    cores = job.cores and max(job.cores // len(job.team.devices), 1)
    devices.set_auto_device(str(device), cores)
    # Ctrl-C reaches the whole terminal: the parent decides what it means. So with SIGUSR1.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    with distributed_context(device):
        how = job.team.how
        # Those that follow open no database, and read the same files.
        location.add_moved_paths(job.keeping.moved_data)
        team = ProcessGroup(how.kind, sync_batch_norm=how.sync_batch_norm)
        if team.leads:
            assert parent is not None
            _run_leader_rank(replace(job, device=str(device), cores=cores), parent, team)
        else:
            run_follower_ranks(team)


def _run_leader_rank(job: WorkerJob, parent: Connection, team: ProcessGroup) -> None:
    from nnlab.workers.worker_process import run_job_for_parent

    message = run_job_for_parent(job, parent, team)
    if message.what != "done":
        parent.send(message)
        exit_immediately(1)  # the others may be in the middle of something: the launcher ends them
    team.told(None)


def run_follower_ranks(team: ProcessGroup) -> None:
    """Trains what the leader trains, until there is no more."""
    while (begin := team.told(None)) is not None:
        session = started(config_of(begin.setting, begin.seed), team)
        if team.any(session.data.fingerprint != begin.fingerprint):
            continue  # the leader says so, and ends this process
        checkpoint.restore_state(session, begin.state)
        join_process_group(session, team)
        _train_as_follower(session, team)


def _train_as_follower(session: Session, team: ProcessGroup) -> None:
    words = CONTINUE_RUN

    def heard_stop() -> bool:
        return bool(words & INTERRUPT_RUN)

    for _ in train(session, heard_stop):
        words = team.agreed(CONTINUE_RUN)
        if words & SAVE_CHECKPOINT:
            checkpoint.serialize_state(session)
        if words & END_RUN:
            session.status = Status.FINISHED
            break
    finish_run_on_rank(session)


def started(config: RunConfig, team: ProcessGroup) -> Session:
    """A session that a team will train.

    Raises:
        UsageError: it cannot be shared out.
    """
    check_parallel_support(config, team.kind)
    session = build_session(config, model_at=torch.device("cpu") if team.kind == "fsdp" else None)
    check_batch_shares(session, team)
    return session


def broadcast_initial_state(session: Session, team: ProcessGroup) -> None:
    """Has the whole team begin with the leader's session.

    Raises:
        DataError: another process has loaded other data.
    """
    config = session.config
    state, fingerprint = checkpoint.serialize_state(session), session.data.fingerprint
    team.told(RunBroadcast(dict(setting_of(config)), config.seed, state, fingerprint))
    if team.any(False):
        raise DataError(
            f"--data {config.data} gives other data in each process; seed its random numbers"
        )
    join_process_group(session, team)


def finish_run_on_rank(session: Session) -> dict[str, float]:
    """What all of a team do at a run's end; gives the metrics of the test split, if it has any."""
    if session.team is None:
        return dict(session.test()) if session.status is Status.FINISHED else {}
    if session.status is Status.FINISHED:
        tested = dict(session.test())
        session.selected_weights = session.team.whole(session.selected_weights)
        return tested
    if session.status is Status.INTERRUPTED and not session.team.leads:
        checkpoint.serialize_state(session)  # the leader writes it
    return {}


def exit_immediately(code: int) -> NoReturn:
    """Ends this process at once: its like would wait for it for ever."""
    sys.stdout.flush()
    os._exit(code)


def is_peer_failure(error: BaseException) -> bool:
    """Whether an error says that another process of the team is gone."""
    told = str(error)
    return isinstance(error, torch.distributed.DistError) or (
        isinstance(error, RuntimeError) and ("gloo" in told or "Connection closed" in told)
    )
