"""One program per tool that logs three values a step; started by `recording`.

    python recording_tools.py TOOL cost|kill FOLDER

`cost` prints the nanoseconds of each log call, and the seconds of a loop with and without them, as
JSON. `kill` logs about once a millisecond until it is killed, and keeps the last step in a file.
"""

import json
import mmap
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

CALLS, BLOCKS, STEPS_PER_BLOCK = 1500, 10, 75
Log = Callable[[int], None]


def open_nnlab(folder: Path) -> tuple[Log, Callable[[], object]]:
    """nnlab, stored in SQLite."""
    import nnlab

    run = nnlab.init("bench", db=folder / "runs.db")
    return lambda step: run.log(values(step), step=step), run.finish


def open_trackio(folder: Path) -> tuple[Log, Callable[[], object]]:
    """trackio, stored in SQLite."""
    os.environ["TRACKIO_DIR"] = str(folder)
    import trackio

    trackio.init(project="bench", embed=False, auto_log_gpu=False, auto_log_cpu=False)
    return lambda step: trackio.log(values(step), step=step), trackio.finish


def open_wandb(folder: Path) -> tuple[Log, Callable[[], object]]:
    """W&B offline."""
    import wandb

    run = wandb.init(
        project="bench",
        mode="offline",
        dir=str(folder),
        settings=wandb.Settings(silent=True, x_disable_stats=True, console="off"),
    )
    return lambda step: run.log(values(step), step=step), run.finish


def open_tensorboard(folder: Path) -> tuple[Log, Callable[[], object]]:
    """TensorBoard's SummaryWriter of torch."""
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder))

    def log(step: int) -> None:
        for name, value in values(step).items():
            writer.add_scalar(name, value, step)

    return log, writer.close


TOOLS = {
    "nnlab": open_nnlab,
    "trackio": open_trackio,
    "wandb": open_wandb,
    "tensorboard": open_tensorboard,
}


def values(step: int) -> dict[str, float]:
    """The values of a step."""
    return {"train/loss": 1.0 / (step + 1), "lr": 0.1, "train/accuracy": step / (step + 10)}


def work() -> float:
    """About two milliseconds of computation in torch, as a step of a small model."""
    import torch

    matrix = torch.ones(192, 192)
    total = matrix
    for _ in range(6):
        total = total @ matrix / 192.0
    return float(total[0, 0])


def measure_cost(log: Log) -> dict[str, object]:
    """The cost of calls in a loop of short steps, and what it adds to the loop."""
    nanoseconds = []
    for step in range(CALLS):
        work()
        begin = time.perf_counter_ns()
        log(step)
        nanoseconds.append(time.perf_counter_ns() - begin)
    loops = []
    step = CALLS
    for _ in range(BLOCKS):
        seconds = []
        for logs in (False, True):
            started = time.perf_counter()
            for _ in range(STEPS_PER_BLOCK):
                work()
                if logs:
                    log(step)
                    step += 1
            seconds.append(time.perf_counter() - started)
        loops.append(seconds)
    return {"nanoseconds": nanoseconds, "loops": loops}


def log_until_killed(log: Log, folder: Path) -> None:
    """Logs about once a millisecond; the file `step` has the number of logged steps."""
    path = folder / "step"
    path.write_bytes(bytes(8))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 8) as memory:
        step = 0
        print("ready", flush=True)
        while True:
            log(step)
            step += 1
            memory[:8] = step.to_bytes(8, "little")
            time.sleep(0.001)


def main() -> None:
    """Measures one tool."""
    tool, what, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    import torch

    torch.set_num_threads(1)
    log, finish = TOOLS[tool](folder)
    if what == "kill":
        log_until_killed(log, folder)
    result = measure_cost(log)
    finish()
    (folder / "result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main()
