"""Many processes that write to one database as fast as they can.

python benchmarks/crowd.py DATABASE WRITERS SECONDS
"""

import multiprocessing
import os
import socket
import sys
import time
from collections.abc import Sequence
from multiprocessing.synchronize import Barrier
from pathlib import Path

from nnlab import store
from nnlab.config import digest_of
from nnlab.records import Epoch, Objective, Status

METRICS = ("train/loss", "train/accuracy", "val/loss", "val/accuracy", "lr", "time/epoch")


def queued(path: Path, runs: int) -> tuple[int, ...]:
    """A database with so many runs that wait."""
    db = store.open_database(str(path), write=True, create=True)
    study = store.create_study(
        db,
        name="crowd",
        question="",
        objective=Objective.parse("val/loss"),
        space=None,
        seeds=(),
    )
    settings = [{"lr": 0.1 + n} for n in range(runs)]
    plans = [store.RunSpec(setting, digest_of(setting), 0, 1_000_000) for setting in settings]
    run_ids = store.enqueue(db, study, plans).run_ids
    db.close()
    return run_ids


def write(path: Path, run_ids: Sequence[int], seconds: float, together: Barrier) -> None:
    """Takes one of the runs and, once everybody has one, writes its epochs for so long."""
    db = store.open_database(str(path), write=True)
    claim = store.claim(
        db, run_ids=run_ids, pid=os.getpid(), command="crowd", hostname=socket.gethostname()
    )
    assert claim is not None
    writer = store.RunWriter(db, claim, resume_after=0)
    together.wait()
    number, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        number += 1
        writer.write(Epoch(number, dict.fromkeys(METRICS, 1.0 / number), 0.1))
    writer.finish(
        Status.FINISHED,
        selected_epoch=number,
        reason=f"wrote {number}",
        wall_seconds=1.0,
        device_seconds=1.0,
    )
    db.close()


def begin(
    path: Path, run_ids: Sequence[int], seconds: float
) -> list[multiprocessing.context.ForkServerProcess]:
    """A process for each run; all of them write, for so many seconds, when this returns."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["nnlab.store"])
    together = context.Barrier(len(run_ids) + 1, timeout=120)
    processes = [
        context.Process(target=write, args=(path, run_ids, seconds, together)) for _ in run_ids
    ]
    for process in processes:
        process.start()
    together.wait()
    return processes


if __name__ == "__main__":
    place = Path(sys.argv[1])
    crowd = begin(place, queued(place, int(sys.argv[2])), float(sys.argv[3]))
    print("writing", flush=True)
    for process in crowd:
        process.join()
