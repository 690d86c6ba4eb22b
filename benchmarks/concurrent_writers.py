"""Processes that write to one database concurrently, as fast as they can.

python benchmarks/concurrent_writers.py DATABASE WRITERS SECONDS
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
from nnlab.records import Epoch, Objective, Status
from nnlab.settings import digest_of

METRICS = ("train/loss", "train/accuracy", "val/loss", "val/accuracy", "lr", "time/epoch")


def create_queued_runs(path: Path, runs: int) -> tuple[int, ...]:
    """Creates a database with queued runs; returns their ids."""
    db = store.open_database(str(path), write=True, create=True)
    study = store.create_study(
        db,
        name="writers",
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


def write_epochs(path: Path, run_ids: Sequence[int], seconds: float, barrier: Barrier) -> None:
    """Claims a run and, as soon as all processes have claimed one, writes epochs to it."""
    db = store.open_database(str(path), write=True)
    claim = store.claim(
        db, run_ids=run_ids, pid=os.getpid(), command="writers", hostname=socket.gethostname()
    )
    assert claim is not None
    writer = store.RunWriter(db, claim, resume_after=0)
    barrier.wait()
    number, deadline = 0, time.monotonic() + seconds
    while time.monotonic() < deadline:
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


def start_writers(
    path: Path, run_ids: Sequence[int], seconds: float
) -> list[multiprocessing.context.ForkServerProcess]:
    """Starts one process per run; when this returns, all of them write for `seconds`."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["nnlab.store"])
    barrier = context.Barrier(len(run_ids) + 1, timeout=120)
    processes = [
        context.Process(target=write_epochs, args=(path, run_ids, seconds, barrier))
        for _ in run_ids
    ]
    for process in processes:
        process.start()
    barrier.wait()
    return processes


if __name__ == "__main__":
    database = Path(sys.argv[1])
    queued = create_queued_runs(database, int(sys.argv[2]))
    writers = start_writers(database, queued, float(sys.argv[3]))
    print("writing", flush=True)
    for writer in writers:
        writer.join()
