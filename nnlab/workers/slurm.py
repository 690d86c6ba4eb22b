"""SLURM: job arrays whose tasks are ordinary workers on the study's queue.

A task pulls runs until none is left or its time is nearly up. SLURM then sends SIGUSR1: the epoch
is finished, the run is checkpointed and given back, and the task asks to be queued once more. So a
study may take any time, whatever the limit of a task is. Where another job takes its place a task
gets SIGTERM, ends in the same way, and SLURM queues it again by itself.

A task may span several nodes that train each run together: srun then starts a worker on each, and
the first node decides for all (`nnlab.workers.rendezvous`). Requeueing a job ends it on all of its
nodes at once, so the script requests it after the last node has ended normally.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nnlab.errors import NnlabError, TimeLimitReached, UsageError

# Says to a worker that it is a task, and may be queued once more.
TASK_VARIABLE = "NNLAB_SLURM_TASK"
_TIME_LIMIT = re.compile(r"^(\d+-)?\d+(:\d+){0,2}$")
_MEMORY_SIZE = re.compile(r"(\d+)([KMGT]?)", re.IGNORECASE)
_BYTES_PER_UNIT = {"K": 1 << 10, "": 1 << 20, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_PARTITION_NAME = re.compile(r"^[A-Za-z0-9_.,:@=/+-]+$")
# Seconds before the limit at which a task is warned: SLURM looks once a minute.
_WARNING_SECONDS = 120
# Seconds that the other nodes of a task have once one has ended: they hear of it at once.
_SRUN_WAIT_SECONDS = 60
_COMMAND_TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class SlurmResources:
    """What a task of the array gets, as SLURM writes it; None is the cluster's default.

    Raises:
        UsageError: a value that SLURM would not read, or that would read as more than one.
    """

    partition: str | None = None
    gpus: int = 0
    cpus: int = 1
    memory: str | None = None
    time: str | None = None
    max_parallel: int = 50
    nodes: int = 1

    def __post_init__(self) -> None:
        if self.time is not None and not _TIME_LIMIT.match(self.time):
            raise UsageError(
                f"--time {self.time}: as SLURM writes it, in minutes or as 4:00:00 or 2-00:00:00"
            )
        if self.memory is not None:
            parse_memory(self.memory)
        if self.partition is not None and not _PARTITION_NAME.match(self.partition):
            raise UsageError(f"--partition {self.partition}: no such name can be")


def parse_memory(memory: str) -> int:
    """A size as SLURM writes it: megabytes, or with K, M, G or T.

    Raises:
        UsageError: it is none.

    >>> bytes_of("8G") == 8 << 30
    True
    """
    found = _MEMORY_SIZE.fullmatch(memory)
    if found is None:
        raise UsageError(f"--mem {memory}: a number and perhaps K, M, G or T, as 8G")
    return int(found[1]) * _BYTES_PER_UNIT[found[2].upper()]


@dataclass(frozen=True, slots=True)
class SlurmCluster:
    """What there is of SLURM: its version, and why it cannot be used if it cannot."""

    version: str
    why_not: str

    @property
    def there(self) -> bool:
        """Whether jobs can be sent to it."""
        return not self.why_not


def find_slurm() -> SlurmCluster:
    """Looks for SLURM on this machine, and whether its controller answers."""
    for name in ("sbatch", "scontrol"):
        if shutil.which(name) is None:
            return SlurmCluster("", f"{name} is not in PATH: this machine submits to no SLURM")
    version = _run_slurm_command(["sbatch", "--version"]).stdout.strip()
    pinged = _run_slurm_command(["scontrol", "ping"])
    if pinged.returncode or "UP" not in pinged.stdout:
        told = (pinged.stdout + pinged.stderr).strip().splitlines()
        return SlurmCluster(version, told[0] if told else "its controller does not answer")
    return SlurmCluster(version, "")


def job_script(
    wanted: SlurmResources,
    *,
    name: str,
    tasks: int,
    command: Sequence[str],
    folder: Path,
    logs: Path,
) -> str:
    """The job as sbatch reads it.

    Args:
        wanted: what each task gets.
        name: of the study; what SLURM could misread is left out of the job's name.
        tasks: of the array; at most `wanted.max_parallel` of them run at once.
        command: what a task runs.
        folder: where it runs, a path that every node has.
        logs: a folder for what tasks print.
    """
    job = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-") or "study"
    one = wanted.nodes == 1
    options = [
        f"--job-name=nnlab-{job}",
        f"--array=0-{tasks - 1}%{min(tasks, wanted.max_parallel)}",
        f"--partition={wanted.partition}" if wanted.partition else "",
        f"--gres=gpu:{wanted.gpus}" if wanted.gpus else "",
        *(["--ntasks=1"] if one else [f"--nodes={wanted.nodes}", "--ntasks-per-node=1"]),
        f"--cpus-per-task={wanted.cpus}",
        f"--mem={wanted.memory}" if wanted.memory else "",
        f"--time={wanted.time}" if wanted.time else "",
        f"--signal={'B:' if one else ''}USR1@{_WARNING_SECONDS}",
        "--requeue",
        "--open-mode=append",
        f"--chdir={_quote_path(folder)}",
        f"--output={_quote_path(logs)}/%A_%a.log",
    ]
    lines = ["#!/bin/sh", *(f"#SBATCH {option}" for option in options if option)]
    lines += [f"export {TASK_VARIABLE}=1"]
    lines += [f"exec {shlex.join(command)}"] if one else _multi_node_lines(wanted, command)
    return "\n".join(lines) + "\n"


def _multi_node_lines(wanted: SlurmResources, command: Sequence[str]) -> list[str]:
    """The part of a script that starts a worker on each node, and perhaps queues the task again.

    SIGUSR1 and SIGTERM go to the workers. This shell has to outlive them, and srun with it: had it
    taken the shell's place, SIGTERM would make it kill all workers at once. srun hears nothing of
    the job's --cpus-per-task since SLURM 22.05.
    """
    srun = [
        "srun", f"--nodes={wanted.nodes}", "--ntasks-per-node=1", f"--cpus-per-task={wanted.cpus}",
        "--kill-on-bad-exit=0", f"--wait={_SRUN_WAIT_SECONDS}",
    ]  # fmt: skip
    return [
        "trap : TERM",
        f"{shlex.join(srun)} {shlex.join(command)}",
        "status=$?",
        "# The time was nearly up: this task is to be queued once more.",
        f'[ "$status" -ne {TimeLimitReached.exit_code} ] || exec scontrol requeue "$SLURM_JOB_ID"',
        'exit "$status"',
    ]


def _quote_path(path: Path) -> str:
    text = str(path)
    if "\n" in text or '"' in text:
        raise UsageError(f"{text!r} cannot stand in a SLURM script", hint="use another folder")
    return f'"{text}"' if re.search(r"\s|#", text) else text


def worker_command(study: str, db: str, options: Sequence[str]) -> list[str]:
    """What a task runs: the same worker as here, on what the study still wants."""
    return [sys.executable, "-m", "nnlab", "train", "--study", study, "--db", db, *options]


def submit_job(text: str) -> str:
    """Hands a script to sbatch and answers the job's number.

    Raises:
        UsageError: there is no SLURM here.
        NnlabError: it refuses the job; the message is its own.
    """
    found = find_slurm()
    if not found.there:
        raise UsageError(found.why_not, hint="nnlab launchers says what is there")
    done = _run_slurm_command(["sbatch", "--parsable"], text)
    if done.returncode:
        raise NnlabError(f"SLURM refused the job: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip().partition(";")[0]


def is_array_task() -> bool:
    """Whether this process is a task of an array that nnlab submitted."""
    return bool(os.environ.get(TASK_VARIABLE)) and "SLURM_JOB_ID" in os.environ


def requeue_task() -> bool:
    """Asks SLURM to start this task once more; says whether it will."""
    return _run_slurm_command(["scontrol", "requeue", os.environ["SLURM_JOB_ID"]]).returncode == 0


def _run_slurm_command(
    command: Sequence[str], text: str = ""
) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(  # noqa: S603  sbatch and scontrol, with arguments of ours
            command,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=_COMMAND_TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))
