"""What a node does that does not lead: a process for each team, until the first says it is over."""

import signal
from multiprocessing.process import BaseProcess

from nnlab.workers import forkserver, slurm
from nnlab.workers.nodes import Nodes
from nnlab.workers.parallel_config import TeamWanted
from nnlab.workers.placement import AtAddress, Job
from nnlab.workers.rendezvous import teams
from nnlab.workers.save_policy import Keeping

# How long the processes of a team have to end once the first node wants no more of them.
END_SECONDS = 15.0


def follow(nodes: Nodes, team: TeamWanted, keeping: Keeping) -> None:
    """Trains with the node that leads, which knows what.

    Raises:
        NnlabError: that node cannot be reached, or is gone.
    """
    if slurm.is_task():
        # SLURM tells all nodes that their time is up; the first decides what comes of it.
        for number in (signal.SIGUSR1, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
    forkserver.prepare()
    process: BaseProcess | None = None
    try:
        for here in teams(nodes):
            _ended(process)
            process = forkserver.slot(
                Job(AtAddress(""), (), team.shown, "solo", keeping, 1, team, here), None
            )
            process.start()
    finally:
        _ended(process)


def _ended(process: BaseProcess | None) -> None:
    """Waits until a team's process has ended by itself; at last ends it."""
    if process is None:
        return
    process.join(END_SECONDS)
    if process.is_alive():
        process.terminate()
        process.join(END_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
