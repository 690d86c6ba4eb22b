"""SLURM: submits job arrays whose tasks are ordinary workers on the study's queue.

A task claims runs until none is left or its time limit is near. SLURM then sends SIGUSR1: the
worker finishes the epoch, saves a checkpoint, releases the run and requeues the task. A study may
therefore take longer than the time limit of a task. A task that is preempted by another job
receives SIGTERM, ends in the same way, and is requeued by SLURM.

A task may span several nodes that train each run together: srun then starts a worker on each, and
the first node coordinates them (`nnlab.workers.rendezvous`). Requeueing a job ends it on all of its
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

# Tells a worker that it is a task that nnlab submitted and may requeue.
TASK_VARIABLE = "NNLAB_SLURM_TASK"
_TIME_LIMIT = re.compile(r"^(\d+-)?\d+(:\d+){0,2}$")
_MEMORY_SIZE = re.compile(r"(\d+)([KMGT]?)", re.IGNORECASE)
_BYTES_PER_UNIT = {"K": 1 << 10, "": 1 << 20, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_PARTITION_NAME = re.compile(r"^[A-Za-z0-9_.,:@=/+-]+$")
# A task is signalled this many seconds before its limit: SLURM checks once a minute.
_WARNING_SECONDS = 120
# Seconds that the other nodes of a task may take to end after the first one has ended.
_SRUN_WAIT_SECONDS = 60
_COMMAND_TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class SlurmResources:
    """The resources of each task, in SLURM's notation; None is the cluster's default.

    Raises:
        UsageError: SLURM could not parse a value, or would parse it as several options.
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
                f"--time {self.time}: use SLURM's notation: minutes, 4:00:00 or 2-00:00:00"
            )
        if self.memory is not None:
            parse_memory(self.memory)
        if self.partition is not None and not _PARTITION_NAME.match(self.partition):
            raise UsageError(f"--partition {self.partition}: not a valid name of a partition")


def parse_memory(memory: str) -> int:
    """Parses a size in SLURM's notation, megabytes by default; returns bytes.

    Raises:
        UsageError: it is not a size.

    >>> parse_memory("8G") == 8 << 30
    True
    """
    match = _MEMORY_SIZE.fullmatch(memory)
    if match is None:
        raise UsageError(f"--mem {memory}: needs a number and optionally K, M, G or T, such as 8G")
    return int(match[1]) * _BYTES_PER_UNIT[match[2].upper()]


@dataclass(frozen=True, slots=True)
class SlurmCluster:
    """The SLURM installation: its version, and the reason if it is not available."""

    version: str
    unavailable_reason: str

    @property
    def is_available(self) -> bool:
        """Whether jobs can be submitted."""
        return not self.unavailable_reason


def find_slurm() -> SlurmCluster:
    """Checks whether SLURM is installed on this machine and its controller responds."""
    for name in ("sbatch", "scontrol"):
        if shutil.which(name) is None:
            return SlurmCluster(
                "", f"{name} is not in PATH, so this machine cannot submit to SLURM"
            )
    version = _run_slurm_command(["sbatch", "--version"]).stdout.strip()
    ping = _run_slurm_command(["scontrol", "ping"])
    if ping.returncode or "UP" not in ping.stdout:
        output = (ping.stdout + ping.stderr).strip().splitlines()
        return SlurmCluster(version, output[0] if output else "its controller does not respond")
    return SlurmCluster(version, "")


def job_script(
    resources: SlurmResources,
    *,
    name: str,
    tasks: int,
    command: Sequence[str],
    folder: Path,
    logs: Path,
) -> str:
    """Returns the job script for sbatch.

    Args:
        resources: the resources of each task.
        name: the name of the study; characters that SLURM could misread are replaced.
        tasks: the number of tasks, of which `resources.max_parallel` run at once.
        command: the command of each task.
        folder: the working folder, which must exist on every node.
        logs: the folder for the output of the tasks.
    """
    job = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-") or "study"
    single_node = resources.nodes == 1
    options = [
        f"--job-name=nnlab-{job}",
        f"--array=0-{tasks - 1}%{min(tasks, resources.max_parallel)}",
        f"--partition={resources.partition}" if resources.partition else "",
        f"--gres=gpu:{resources.gpus}" if resources.gpus else "",
        *(["--ntasks=1"] if single_node else [f"--nodes={resources.nodes}", "--ntasks-per-node=1"]),
        f"--cpus-per-task={resources.cpus}",
        f"--mem={resources.memory}" if resources.memory else "",
        f"--time={resources.time}" if resources.time else "",
        f"--signal={'B:' if single_node else ''}USR1@{_WARNING_SECONDS}",
        "--requeue",
        "--open-mode=append",
        f"--chdir={_quote_path(folder)}",
        f"--output={_quote_path(logs)}/%A_%a.log",
    ]
    lines = ["#!/bin/sh", *(f"#SBATCH {option}" for option in options if option)]
    lines += [f"export {TASK_VARIABLE}=1"]
    lines += (
        [f"exec {shlex.join(command)}"] if single_node else _multi_node_lines(resources, command)
    )
    return "\n".join(lines) + "\n"


def _multi_node_lines(resources: SlurmResources, command: Sequence[str]) -> list[str]:
    """The part of a script that starts a worker on each node, and requeues the task if necessary.

    SLURM signals the workers, the shell and srun. The shell ignores SIGTERM and does not exec srun,
    because srun by itself would kill all workers on SIGTERM. Since SLURM 22.05 srun does not
    inherit the job's --cpus-per-task.
    """
    srun = [
        "srun", f"--nodes={resources.nodes}", "--ntasks-per-node=1",
        f"--cpus-per-task={resources.cpus}", "--kill-on-bad-exit=0", f"--wait={_SRUN_WAIT_SECONDS}",
    ]  # fmt: skip
    return [
        "trap : TERM",
        f"{shlex.join(srun)} {shlex.join(command)}",
        "status=$?",
        "# The time limit was near: requeue this task.",
        f'[ "$status" -ne {TimeLimitReached.exit_code} ] || exec scontrol requeue "$SLURM_JOB_ID"',
        'exit "$status"',
    ]


def _quote_path(path: Path) -> str:
    text = str(path)
    if "\n" in text or '"' in text:
        raise UsageError(
            f"a SLURM script cannot contain the path {text!r}", hint="use another folder"
        )
    return f'"{text}"' if re.search(r"\s|#", text) else text


def worker_command(study: str, db: str, options: Sequence[str]) -> list[str]:
    """The command of a task: trains the study's remaining runs."""
    return [sys.executable, "-m", "nnlab", "train", "--study", study, "--db", db, *options]


def submit_job(text: str) -> str:
    """Submits a job script with sbatch; returns the job ID.

    Raises:
        UsageError: SLURM is not available.
        NnlabError: SLURM rejects the job, with SLURM's own message.
    """
    cluster = find_slurm()
    if not cluster.is_available:
        raise UsageError(
            cluster.unavailable_reason, hint="nnlab launchers lists what is available here"
        )
    process = _run_slurm_command(["sbatch", "--parsable"], text)
    if process.returncode:
        message = process.stderr.strip() or process.stdout.strip()
        raise NnlabError(f"SLURM rejected the job: {message}")
    return process.stdout.strip().partition(";")[0]


def is_array_task() -> bool:
    """Whether this process is a task of an array that nnlab submitted."""
    return bool(os.environ.get(TASK_VARIABLE)) and "SLURM_JOB_ID" in os.environ


def requeue_task() -> bool:
    """Requeues this task; returns whether SLURM accepted the request."""
    return _run_slurm_command(["scontrol", "requeue", os.environ["SLURM_JOB_ID"]]).returncode == 0


def _run_slurm_command(
    command: Sequence[str], text: str = ""
) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(  # noqa: S603  sbatch and scontrol with our arguments
            command,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=_COMMAND_TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))
