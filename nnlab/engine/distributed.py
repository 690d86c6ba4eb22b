"""Collective operations of a run that several processes train.

Every process of the group must call them in the same order. The worker of the leader rank uses
`GroupLeader`; the other ranks execute `run_followers`. Neither knows about databases.
"""

import os
import sys
from dataclasses import dataclass
from typing import Any, NoReturn

import torch

from nnlab.engine import checkpoint
from nnlab.engine.data_parallel import (
    check_batch_shares,
    check_parallel_support,
    join_process_group,
)
from nnlab.engine.epoch_decision import EpochDecision
from nnlab.engine.loop import train
from nnlab.engine.process_group import ProcessGroup
from nnlab.engine.session import Session, build_session
from nnlab.errors import DataError
from nnlab.records import Status
from nnlab.settings import RunConfig, config_of, setting_of


@dataclass(frozen=True, slots=True)
class RunBroadcast:
    """A run that all ranks are to train: its setting, its seed and its initial state.

    `fingerprint` identifies the leader's data, because every process loads the data itself.
    """

    setting: dict[str, Any]
    seed: int
    state: bytes
    fingerprint: str


class GroupLeader:
    """The collective operations that the leader rank of a process group starts."""

    def __init__(self, group: ProcessGroup) -> None:
        self._group = group

    @property
    def description(self) -> str:
        """The engine label that attempts are stored with, such as `ddp 2`."""
        return f"{self._group.mode} {self._group.size}"

    def build_session(self, config: RunConfig) -> Session:
        """Returns a session that the group can train.

        Raises:
            UsageError: the configuration does not support parallel training.
        """
        return _build_group_session(config, self._group)

    def broadcast_initial_state(self, session: Session) -> None:
        """Gives all ranks the leader's state, then adds the session to the group.

        Raises:
            DataError: another process has loaded different data.
        """
        config = session.config
        state, fingerprint = checkpoint.serialize_state(session), session.data.fingerprint
        self._group.broadcast_object(
            RunBroadcast(dict(setting_of(config)), config.seed, state, fingerprint)
        )
        if self._group.any_rank(False):
            raise DataError(
                f"--data {config.data} loads different data in each process; seed its random"
                " numbers"
            )
        join_process_group(session, self._group)

    def broadcast_decision(self, decision: EpochDecision) -> None:
        """Tells all ranks how to continue after an epoch."""
        self._group.broadcast_int(decision)

    def finish_run(self, session: Session) -> dict[str, float]:
        """Returns the metrics of the test split; empty unless the run is finished."""
        return _finish_run(session, self._group)

    def broadcast_shutdown(self) -> None:
        """Ends the loop of the follower ranks."""
        self._group.broadcast_object(None)

    def is_peer_failure(self, error: BaseException) -> bool:
        """Whether an error means that another process of the group has ended."""
        message = str(error)
        return isinstance(error, torch.distributed.DistError) or (
            isinstance(error, RuntimeError)
            and ("gloo" in message or "Connection closed" in message)
        )

    def exit_immediately(self, code: int) -> NoReturn:
        """Ends this process without cleaning up the group."""
        exit_immediately(code)


def run_followers(group: ProcessGroup) -> None:
    """Trains every run that the leader broadcasts, until it broadcasts the shutdown."""
    while (broadcast := group.broadcast_object(None)) is not None:
        session = _build_group_session(config_of(broadcast.setting, broadcast.seed), group)
        if group.any_rank(session.data.fingerprint != broadcast.fingerprint):
            continue  # the leader reports the error and ends this process
        checkpoint.restore_state(session, broadcast.state)
        join_process_group(session, group)
        _train_as_follower(session, group)


def exit_immediately(code: int) -> NoReturn:
    """Ends this process without cleaning up: destroying the group would wait for other ranks."""
    sys.stdout.flush()
    os._exit(code)


def _train_as_follower(session: Session, group: ProcessGroup) -> None:
    decision = EpochDecision.CONTINUE

    def should_stop() -> bool:
        return bool(decision & EpochDecision.INTERRUPT)

    for _ in train(session, should_stop):
        decision = EpochDecision(group.broadcast_int(EpochDecision.CONTINUE))
        if decision & EpochDecision.SAVE_CHECKPOINT:
            checkpoint.serialize_state(session)  # collective; the leader writes the file
        if decision & EpochDecision.END:
            session.status = Status.FINISHED
            break
    _finish_run(session, group)


def _build_group_session(config: RunConfig, group: ProcessGroup) -> Session:
    check_parallel_support(config, group.mode)
    # FSDP moves the weights to the device when it shards them.
    model_at = torch.device("cpu") if group.mode == "fsdp" else None
    session = build_session(config, model_at=model_at)
    check_batch_shares(session, group)
    return session


def _finish_run(session: Session, group: ProcessGroup) -> dict[str, float]:
    """Evaluates the test split and gathers the selected weights; returns the test metrics."""
    if session.status is Status.FINISHED:
        metrics = dict(session.test())
        session.selected_weights = group.gather_full_state(session.selected_weights)
        return metrics
    if session.status is Status.INTERRUPTED and not group.is_leader:
        checkpoint.serialize_state(session)  # collective; the leader writes the file
    return {}
