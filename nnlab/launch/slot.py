"""What runs in a slot: a process that works runs off and tells its parent how it goes."""

import gc
import os
import signal
import threading
import time
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event as Flag
from types import FrameType
from typing import NoReturn

import torch

from nnlab import store
from nnlab.engine import device as devices
from nnlab.errors import NnlabError
from nnlab.launch.listening import Ended
from nnlab.launch.local import work_off
from nnlab.launch.planner import Planner
from nnlab.launch.slots import Job, Message, fitting
from nnlab.records import Epoch, Run

# How often a slot looks whether its parent is still there, and how long it then has to end.
LOOK_SECONDS = 0.5
END_SECONDS = 20.0


class Relay:
    """A listener that tells the parent."""

    def __init__(self, parent: Connection, device: str) -> None:
        self._parent = parent
        self._measures = device if device.startswith("cuda") else None

    def started(self, run: Run, epoch: int) -> None:
        """Passed on."""
        self._parent.send(Message("started", (run, epoch)))

    def epoch(self, run: Run, epoch: Epoch) -> None:
        """Passed on; after the first, also how many such runs fit on its GPU."""
        self._parent.send(Message("epoch", (run.id, epoch)))
        if self._measures is not None:
            peak = torch.cuda.max_memory_reserved(self._measures)
            memory = torch.cuda.get_device_properties(self._measures).total_memory
            self._parent.send(Message("fits", (self._measures, fitting(peak, memory))))
            self._measures = None

    def noted(self, run: Run, message: str) -> None:
        """Passed on."""
        self._parent.send(Message("noted", (run.id, message)))

    def ended(self, ended: Ended) -> None:
        """Passed on."""
        self._parent.send(Message("ended", (ended,)))


def serve(job: Job, parent: Connection, stop: Flag, alone: Flag) -> NoReturn:
    """Works off the job; ends the process, whatever happens."""
    # Ctrl-C reaches the whole terminal: the parent decides what it means, and says so by SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _at_once)
    _watch(os.getppid())
    code = 0
    try:
        parent.send(_outcome(job, Relay(parent, job.device), parent, stop, alone))
    except (OSError, KeyboardInterrupt):
        code = 1  # nobody listens any more
    # Without more ado: what was copied from the parent is the parent's to close.
    os._exit(code)


def _outcome(job: Job, relay: Relay, parent: Connection, stop: Flag, alone: Flag) -> Message:
    def wait_until_alone() -> None:
        parent.send(Message("crowded"))
        alone.wait()

    devices.prefer(job.device)
    # What is imported stays: the collector need not look at it again and again.
    gc.freeze()
    try:
        db = store.open_database(job.db, write=True)
        try:
            work_off(
                db,
                job.run_ids,
                relay,
                stop.is_set,
                keeping=job.keeping,
                planner=Planner(job.engine),
                at_most=job.at_most,
                wait_until_alone=wait_until_alone,
            )
        finally:
            db.close()
    except NnlabError as error:
        return Message("failed", (error,))
    except KeyboardInterrupt:
        return Message("interrupted")
    return Message("done")


def _at_once(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


def _watch(parent: int) -> None:
    """Ends this process in good order once its parent is gone: nobody is left to show it to."""

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(END_SECONDS)
        os._exit(1)

    threading.Thread(target=look, name="nnlab-parent", daemon=True).start()
