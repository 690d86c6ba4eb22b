"""A SLURM of one node, from the distribution's packages, for as long as a test needs it."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue")
_FOLDERS = ("/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin")

CONF = """\
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
SlurmctldPort={controller}
SlurmdPort={daemon}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
JobCompType=jobcomp/none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def why_not() -> str:
    """Why no cluster can be started here; empty where one can."""
    missing = [name for name in PROGRAMS if _found(name) is None]
    if missing:
        return f"{', '.join(missing)} (slurm-wlm, munge) not installed"
    if os.geteuid() != 0:
        return "only root can start SLURM's daemons"
    if os.cpu_count() == 1:
        return "one core is too few for two tasks at once"
    return ""


def _found(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join((*_FOLDERS, os.environ.get("PATH", ""))))


def _start(name: str, *words: str, **options: object) -> None:
    program = _found(name)
    assert program is not None
    subprocess.run([program, *words], check=True, capture_output=True, **options)  # type: ignore[call-overload]


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextmanager
def cluster(folder: Path) -> Iterator[Path]:
    """Starts the daemons and answers the configuration; they are gone afterwards."""
    host = socket.gethostname().partition(".")[0]
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    conf = folder / "slurm.conf"
    ports = {"controller": _free_port(), "daemon": _free_port()}
    conf.write_text(CONF.format(host=host, folder=folder, **ports))
    environment = {**os.environ, "SLURM_CONF": str(conf)}
    before = os.environ.get("SLURM_CONF")
    os.environ["SLURM_CONF"] = str(conf)
    try:
        try:
            _start_munge()
            _start("slurmctld", "-c", env=environment)
            _start("slurmd", env=environment)
            _wait_for_the_node(environment)
        except (subprocess.CalledProcessError, RuntimeError, OSError, KeyError) as error:
            pytest.skip(f"SLURM is installed but does not start here: {error}")
        yield conf
    finally:
        for name in ("slurmd", "slurmctld"):
            _stop(folder / f"{name}.pid")
        if before is None:
            del os.environ["SLURM_CONF"]
        else:
            os.environ["SLURM_CONF"] = before


def _start_munge() -> None:
    """What SLURM's parts trust each other by; it goes on for whoever else wants it."""
    munge = pwd.getpwnam("munge")
    for place in ("/run/munge", "/var/log/munge", "/var/lib/munge"):
        Path(place).mkdir(exist_ok=True)
        os.chown(place, munge.pw_uid, munge.pw_gid)
    if not Path("/run/munge/munge.socket.2").is_socket():
        _start("munged", user=munge.pw_uid, group=munge.pw_gid)


def _wait_for_the_node(environment: dict[str, str]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        told = subprocess.run(
            ["sinfo", "-h", "-o", "%T"],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        if told.stdout.strip() == "idle":
            return
        time.sleep(0.5)
    raise RuntimeError(f"the node did not come up: {told.stdout}{told.stderr}")


def _stop(pid_file: Path) -> None:
    """Ends a daemon and waits until it is gone."""
    if not pid_file.is_file():
        return
    pid = int(pid_file.read_text())
    for signal_number in (15, 9):
        try:
            os.kill(pid, signal_number)
            for _ in range(50):
                os.kill(pid, 0)
                time.sleep(0.1)
        except ProcessLookupError:
            return
