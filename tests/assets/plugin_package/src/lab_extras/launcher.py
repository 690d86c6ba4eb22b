"""`--launcher two-processes`: two workers on the CPU of this machine."""

from nnlab.plugins import LauncherPlugin, LaunchRequest, LocalPool, Placement


def start(request: LaunchRequest):
    count = request.cluster.max_parallel or 2
    return LocalPool(
        request.db,
        request.run_ids,
        (Placement("cpu"),) * count,
        engine=request.engine,
        save_policy=request.save_policy,
    ).run


TWO_PROCESSES = LauncherPlugin(
    name="two-processes", summary="two workers on the CPU of this machine", start=start
)
