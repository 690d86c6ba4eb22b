"""The environment of a script's process, and the record of it that is stored with an attempt."""

import os
from pathlib import Path

from nnlab import store
from nnlab.provenance.environment import collect_environment
from nnlab.provenance.interpreter import environment_with_interpreter
from nnlab.records import Environment
from nnlab.scripts.script_spec import ScriptSpec
from nnlab.workers.placement import available_cores
from nnlab.workers.script_slots import inherited_environment
from nnlab.workers.worker_context import WorkerContext


def process_environment(context: WorkerContext, claim: store.Claim, folder: Path) -> dict[str, str]:
    """The environment variables of a script's process (docs/your-script.md lists those of nnlab).

    Args:
        context: the worker, with the devices of the script.
        claim: the run and the attempt.
        folder: the folder of the run's files.
    """
    run = claim.run
    variables = inherited_environment()
    return {
        # Lines arrive when they are printed, not when a buffer is full.
        "PYTHONUNBUFFERED": "1",
        **variables,
        **context.script_resources.slot.environment(variables),
        "NNLAB_DB": _absolute_target(context.db.address),
        "NNLAB_RUN": str(run.id),
        "NNLAB_ATTEMPT": str(claim.attempt_id),
        "NNLAB_DIR": str(folder),
        "NNLAB_SEED": str(run.known_seed),
        "NNLAB_STUDY": run.trial.study,
        "NNLAB_TRIAL": run.trial.digest,
    }


def attempt_environment(spec: ScriptSpec, context: WorkerContext) -> Environment:
    """The machine, packages and code of an attempt; those of the script's interpreter."""
    slot = context.script_resources.slot
    threads = slot.threads or int(os.environ.get("OMP_NUM_THREADS") or available_cores())
    environment = collect_environment(
        slot.description, threads, git_diff=context.save_policy.git_diff
    )
    return (
        environment if spec.path is None else environment_with_interpreter(environment, spec.python)
    )


def _absolute_target(address: store.Address) -> str:
    """The target that opens the database from the working folder of the script."""
    if isinstance(address, store.FileAddress):
        return str(address.path.absolute())
    return address.target
