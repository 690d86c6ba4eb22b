"""The options that `nnlab train` and `nnlab run` share: output, launchers, clusters."""

from typing import Annotated

import typer

from nnlab.cli import completion
from nnlab.workers.cluster_options import Launcher

CLUSTER_PANEL = "Clusters"

NoGitDiffOption = Annotated[
    bool,
    typer.Option(
        "--no-git-diff",
        envvar="NNLAB_NO_GIT_DIFF",
        help="do not store the uncommitted changes of the working directory",
    ),
]
FailFastOption = Annotated[bool, typer.Option("--fail-fast", help="stop when the first run fails")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="print only the result")]
LauncherOption = Annotated[
    str,
    typer.Option(
        "--launcher",
        metavar="|".join(Launcher),
        help="execute on this machine, or on a cluster (docs/scaling.md)",
        autocompletion=completion.launchers,
    ),
]
PartitionOption = Annotated[
    str | None,
    typer.Option(
        "--partition", metavar="NAME", rich_help_panel=CLUSTER_PANEL, help="SLURM partition"
    ),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="HOST:PORT",
        rich_help_panel=CLUSTER_PANEL,
        help="address of a Ray cluster; auto: the one on this machine; by default one is"
        " started if needed",
    ),
]
GpusOption = Annotated[
    float,
    typer.Option(
        "--gpus",
        metavar="N",
        min=0,
        rich_help_panel=CLUSTER_PANEL,
        help="GPUs of a task or worker on each node; on Ray 0.25 shares one between four",
    ),
]
CpusOption = Annotated[
    float,
    typer.Option(
        "--cpus",
        metavar="N",
        min=0,
        rich_help_panel=CLUSTER_PANEL,
        help="CPU cores of a task or worker on each node",
    ),
]
MemoryOption = Annotated[
    str | None,
    typer.Option(
        "--mem",
        metavar="SIZE",
        rich_help_panel=CLUSTER_PANEL,
        help="memory of a task or worker on each node, as 8G",
    ),
]
TaskTimeOption = Annotated[
    str | None,
    typer.Option(
        "--time",
        metavar="TIME",
        rich_help_panel=CLUSTER_PANEL,
        help="SLURM time limit of a task, as 4:00:00; a task that needs longer is requeued",
    ),
]
MaxParallelOption = Annotated[
    int | None,
    typer.Option(
        "--max-parallel",
        metavar="N",
        min=1,
        rich_help_panel=CLUSTER_PANEL,
        help="parallel tasks (SLURM, default 50) or workers (Ray, default as many as fit)",
    ),
]
NotifyOption = Annotated[
    str | None,
    typer.Option(
        "--notify",
        metavar="CMD",
        help="shell command to execute when a run fails and at the end (docs/queue.md)",
    ),
]
