"""The local launcher: one process works off runs, one after another."""

import os
import socket
from collections.abc import Callable, Sequence

from nnlab import store
from nnlab.launch.provenance import command_line
from nnlab.launch.work import LEASE_SECONDS, Ended, Listener
from nnlab.launch.worker import train_run


def work_off(
    db: store.Database,
    run_ids: Sequence[int],
    listener: Listener,
    should_stop: Callable[[], bool],
    *,
    keep_models: bool = True,
) -> tuple[Ended, ...]:
    """Claims and trains runs in the order given until none is left or it is to stop.

    Another process that works off the same runs helps: each run is claimed by one of them.

    Raises:
        StoreError, OutputError: nothing more can be stored.
        KeyboardInterrupt: passed on from a run that was stopped in mid epoch.
    """
    ended: list[Ended] = []
    while not should_stop():
        claim = store.claim(
            db,
            run_ids=run_ids,
            hostname=socket.gethostname(),
            pid=os.getpid(),
            command=command_line(),
            lease_seconds=LEASE_SECONDS,
        )
        if claim is None:
            break
        ended.append(train_run(db, claim, listener, should_stop, keep_model=keep_models))
    return tuple(ended)
