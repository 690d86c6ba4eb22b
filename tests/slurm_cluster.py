"""A SLURM cluster of one or more nodes for the tests, from the distribution's packages.

Several nodes are several daemons on this machine, which some builds of SLURM support. The names of
the nodes are not host names, as on clusters whose node names differ from those in the network.
"""

import fcntl
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue")
_FOLDERS = ("/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin")

CONF = """\
ClusterName=one
# Jobs of clusters that run beside each other have numbers, and with them ports, of their own.
FirstJobId={controller}
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
SlurmctldPort={controller}
StateSaveLocation={folder}/state
SlurmdSpoolDir={spool}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
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
"""
NODE = """\
NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 RealMemory=4000 \
State=UNKNOWN
"""
PARTITION = "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n"


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
    with socket.socket() as server_socket:
        server_socket.bind(("127.0.0.1", 0))
        port: int = server_socket.getsockname()[1]
        return port


@contextmanager
def cluster(folder: Path, nodes: int = 1) -> Iterator[Path]:
    """Starts the daemons and answers the configuration; they are gone afterwards."""
    # SLURM's sockets lie in its spool, and their paths may have 108 characters.
    with TemporaryDirectory(prefix="slurm") as spool, _daemons(folder, Path(spool), nodes) as conf:
        yield conf


@contextmanager
def _daemons(folder: Path, spool: Path, nodes: int) -> Iterator[Path]:
    host = socket.gethostname().partition(".")[0]
    names = [host] if nodes == 1 else [f"emulated{index}" for index in range(nodes)]
    for place in (folder / "state", *(spool / name for name in names)):
        place.mkdir(parents=True)
    conf = folder / "slurm.conf"
    text = CONF.format(host=host, folder=folder, spool=spool, controller=_free_port())
    text += "".join(NODE.format(name=name, host=host, port=_free_port()) for name in names)
    conf.write_text(text + PARTITION)
    environment = {**os.environ, "SLURM_CONF": str(conf)}
    before = os.environ.get("SLURM_CONF")
    os.environ["SLURM_CONF"] = str(conf)
    try:
        try:
            _start_munge()
            _start("slurmctld", "-c", env=environment)
            for name in names:
                _start("slurmd", *(["-N", name] if nodes > 1 else []), env=environment)
            _wait_for_nodes(environment)
        except (subprocess.CalledProcessError, RuntimeError, OSError, KeyError) as error:
            pytest.skip(f"SLURM is installed but does not start here: {error}")
        yield conf
    finally:
        _stop([folder / f"{name}.pid" for name in (*(f"slurmd-{n}" for n in names), "slurmctld")])
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
    with Path("/run/munge/nnlab-tests.lock").open("w") as lock:
        # The workers of a parallel test run would start it at once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _accepts_connections(Path("/run/munge/munge.socket.2")):
            # A daemon that was killed leaves its socket; `--force` replaces it.
            _start("munged", "--force", user=munge.pw_uid, group=munge.pw_gid)


def _accepts_connections(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client, suppress(OSError):
        client.connect(str(path))
        return True
    return False


def _wait_for_nodes(environment: dict[str, str]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        text = subprocess.run(
            ["sinfo", "-h", "-o", "%T"],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        if text.stdout.split() == ["idle"]:  # a line for each state that any node is in
            return
        time.sleep(0.2)
    raise RuntimeError(f"the nodes did not come up: {text.stdout}{text.stderr}")


def _stop(pid_files: list[Path]) -> None:
    """Ends daemons and waits until they are gone."""
    pids = [int(path.read_text()) for path in pid_files if path.is_file()]
    for signal_number in (15, 9):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal_number)
        until = time.monotonic() + 10
        while (pids := [pid for pid in pids if Path(f"/proc/{pid}").exists()]) and (
            time.monotonic() < until
        ):
            time.sleep(0.1)
