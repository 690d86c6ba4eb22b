"""`run_follower_node`: a node other than the first starts its processes for each process group."""

import signal
from multiprocessing.process import BaseProcess

from nnlab.workers import forkserver, slurm
from nnlab.workers.nodes import Nodes
from nnlab.workers.parallel_config import ProcessGroupSpec
from nnlab.workers.rendezvous import rendezvous_rounds
from nnlab.workers.save_policy import SavePolicy
from nnlab.workers.worker_job import AddressDatabaseOpener, WorkerJob

# How long the processes of a group may take to end after the first node has started another group.
EXIT_TIMEOUT_SECONDS = 15.0


def run_follower_node(nodes: Nodes, spec: ProcessGroupSpec, save_policy: SavePolicy) -> None:
    """Trains what the first node broadcasts, until that node ends the study.

    Raises:
        NnlabError: the first node cannot be reached, or has ended.
    """
    if slurm.is_array_task():
        # SLURM signals all nodes when the time limit is near; the first node decides.
        for number in (signal.SIGUSR1, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
    forkserver.start_forkserver()
    process: BaseProcess | None = None
    try:
        for round_nodes in rendezvous_rounds(nodes):
            _join_or_terminate(process)
            # Only the leader opens the database and claims runs.
            job = WorkerJob(
                db=AddressDatabaseOpener(""),
                run_ids=(),
                device=spec.description,
                engine="solo",
                save_policy=save_policy,
                max_claims=1,
                process_group=spec,
                nodes=round_nodes,
            )
            process = forkserver.create_worker_process(job, None)
            process.start()
    finally:
        _join_or_terminate(process)


def _join_or_terminate(process: BaseProcess | None) -> None:
    """Waits until a process has ended; terminates, then kills it if it does not end in time."""
    if process is None:
        return
    process.join(EXIT_TIMEOUT_SECONDS)
    if process.is_alive():
        process.terminate()
        process.join(EXIT_TIMEOUT_SECONDS)
    if process.is_alive():
        process.kill()
        # Limited, because a process that waits for a device cannot be killed.
        process.join(EXIT_TIMEOUT_SECONDS)
