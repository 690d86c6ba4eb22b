"""Recording from a user's loop: cost of a log call, slowdown, and loss at kill -9, by tool.

    python benchmarks/recording.py

The tools alternate. The section "Recording" of docs/performance.md is written.
"""

import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from timing import describe_machine

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
TOOLS = {"nnlab": "nnlab", "trackio": "trackio", "wandb": "wandb", "tensorboard": "tensorboard"}
COST_ROUNDS, KILL_ROUNDS = 2, 4
_HEADING = "## Recording"


@dataclass
class ToolResult:
    """What was measured of one tool, over all rounds."""

    nanoseconds: list[int] = field(default_factory=list)
    slowdowns: list[float] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)


def measure() -> dict[str, ToolResult]:
    """Measures all tools, alternating."""
    results: dict[str, ToolResult] = defaultdict(ToolResult)
    for _ in range(COST_ROUNDS):
        for tool in TOOLS:
            with tempfile.TemporaryDirectory() as folder:
                _start(tool, "cost", Path(folder)).wait()
                measured = json.loads((Path(folder) / "result.json").read_text())
            results[tool].nanoseconds += measured["nanoseconds"]
            results[tool].slowdowns += [logged / plain - 1 for plain, logged in measured["loops"]]
    for number in range(KILL_ROUNDS):
        for tool in TOOLS:
            results[tool].lost.append(_lost_steps(tool, 1.0 + 0.37 * number))
    return results


def _start(tool: str, what: str, folder: Path) -> "subprocess.Popen[str]":
    program = Path(__file__).with_name("recording_tools.py")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NNLAB_NO_GIT_DIFF": "1"}
    return subprocess.Popen(
        [sys.executable, str(program), tool, what, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd=folder,
        text=True,
    )


def _lost_steps(tool: str, seconds: float) -> int:
    """The steps that had been logged and are not stored after kill -9."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        process = _start(tool, "kill", folder)
        for line in process.stdout or ():
            if line == "ready\n":
                break
        time.sleep(seconds)
        process.kill()
        process.wait()
        time.sleep(1.0)  # a service process of the tool may still write
        logged = int.from_bytes((folder / "step").read_bytes(), "little")
        return logged - _READERS[tool](folder)


def _stored_by_nnlab(folder: Path) -> int:
    with sqlite3.connect(folder / "runs.db") as connection:
        query = "SELECT count(DISTINCT seq) FROM sample WHERE step IS NOT NULL"
        return int(connection.execute(query).fetchone()[0])


def _stored_by_trackio(folder: Path) -> int:
    (path,) = folder.glob("bench*.db")
    with sqlite3.connect(path) as connection:
        return int(connection.execute("SELECT count(*) FROM metrics").fetchone()[0])


def _stored_by_wandb(folder: Path) -> int:
    from wandb.proto import wandb_internal_pb2

    (path,) = folder.glob("wandb/offline-run-*/*.wandb")
    count = 0
    for data in _leveldb_records(path.read_bytes()[7:]):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        count += record.WhichOneof("record_type") == "history"
    return count


def _leveldb_records(content: bytes) -> Iterator[bytes]:
    """The records of a LevelDB log without its file header: 32 KiB blocks of fragments."""
    position, parts = 0, b""
    offset = 7  # of the file header in the first block
    while position + 7 <= len(content):
        room = 32768 - (position + offset) % 32768
        if room < 7:
            position += room
            continue
        size, kind = (
            int.from_bytes(content[position + 4 : position + 6], "little"),
            content[position + 6],
        )
        data = content[position + 7 : position + 7 + size]
        if len(data) < size:
            return
        position += 7 + size
        parts = data if kind in (1, 2) else parts + data
        if kind in (1, 4):
            yield parts


def _stored_by_tensorboard(folder: Path) -> int:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    return len(events.Scalars("train/accuracy")) if events.Tags()["scalars"] else 0


_READERS = {
    "nnlab": _stored_by_nnlab,
    "trackio": _stored_by_trackio,
    "wandb": _stored_by_wandb,
    "tensorboard": _stored_by_tensorboard,
}


def section(results: dict[str, ToolResult]) -> str:
    """The section of docs/performance.md."""
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    lines = [
        _HEADING,
        "",
        "`python benchmarks/recording.py` measures this section: three values per call from a loop",
        "whose steps take one to two milliseconds of torch on one thread; the tools alternate. The",
        "slowdown is the median over blocks of 75 steps with and without logging; on a machine",
        "that other programs use, it is uncertain by several percent. A loss is the number of",
        "logged steps, about one a millisecond, that are not stored after kill -9. nnlab stores",
        "within 250 ms, and before the call returns with `durable=True`.",
        "",
        f"**Machine:** {describe_machine()}, load {os.getloadavg()[0]:.1f}; {today}.",
        "",
        "| tool | median (us) | p99 (us) | slowdown | steps lost by kill -9 |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for tool, result in results.items():
        cost = sorted(result.nanoseconds)
        median, p99 = cost[len(cost) // 2] / 1e3, cost[int(0.99 * len(cost))] / 1e3
        lost = ", ".join(map(str, result.lost))
        slowdown = f"{100 * statistics.median(result.slowdowns):.1f} %"
        version = "" if tool == "nnlab" else f" {metadata.version(TOOLS[tool])}"
        lines.append(f"| {tool}{version} | {median:.1f} | {p99:.1f} | {slowdown} | {lost} |")
    return "\n".join([*lines, ""])


def recorded_section(page: str) -> str:
    """The section in a page; empty if it has none."""
    before, heading, rest = page.partition(f"\n{_HEADING}\n")
    del before
    return heading and f"{_HEADING}\n{rest.partition(chr(10) + '## ')[0]}"


def main() -> int:
    """Measures, and replaces the section of the page."""
    text = section(measure())
    page = PAGE.read_text(encoding="utf-8")
    old = recorded_section(page)
    PAGE.write_text(page.replace(old, text) if old else f"{page}\n{text}", encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
