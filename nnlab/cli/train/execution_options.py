"""The options of `nnlab train` that `nnlab run` or `nnlab gate` have as well."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from nnlab.cli import completion
from nnlab.workers.cluster_options import Launcher

CLUSTER_PANEL = "Clusters"


class EngineChoice(StrEnum):
    """How runs are trained: alone, batched, or whichever is faster."""

    AUTO = "auto"
    SOLO = "solo"
    STACKED = "stacked"


class ParallelKind(StrEnum):
    """How several devices train one run together."""

    DDP = "ddp"
    FSDP = "fsdp"


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
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE.toml", help="settings in a file, as `lr = 0.1`"),
]
NameOption = Annotated[str | None, typer.Option("--name", help="name of the runs")]
TagOption = Annotated[list[str] | None, typer.Option("--tag", help="a tag; repeat for more")]
KeepModelsOption = Annotated[
    bool,
    typer.Option("--keep-models/--no-keep-models", help="keep the weights of the best epoch"),
]
CheckpointEveryOption = Annotated[
    str,
    typer.Option(
        "--checkpoint-every",
        metavar="auto|N|TIME",
        help="epochs, or a time as 30s or 10min; auto: as often as takes under 2 % of the time",
    ),
]
ArtifactsOption = Annotated[
    str | None,
    typer.Option(
        "--artifacts",
        metavar="DIR|URL",
        envvar="NNLAB_ARTIFACTS",
        help="where models and checkpoints of new runs are stored, as /shared/lab or"
        " s3://lab/runs; by default next to the database",
    ),
]
AllowChangingDataOption = Annotated[
    bool,
    typer.Option(
        "--allow-changing-data",
        help="train seeds of a trial even if their data differ; refused by default",
    ),
]
EngineOption = Annotated[
    EngineChoice,
    typer.Option(
        "--engine",
        help="train runs alone, batched as one program, or whichever is faster (docs/many-runs.md)",
    ),
]
DevicesOption = Annotated[
    str | None,
    typer.Option(
        "--devices",
        metavar="LIST",
        envvar="NNLAB_DEVICES",
        help="devices to train on at the same time: cpu:4, or cuda:0,cuda:1; by default a"
        " process per core",
    ),
]
PerDeviceOption = Annotated[
    str,
    typer.Option(
        "--per-device", metavar="auto|N", help="parallel runs on each GPU; auto: by its memory"
    ),
]
ParallelOption = Annotated[
    ParallelKind | None,
    typer.Option(
        "--parallel",
        help="train each run on all devices together: ddp, or fsdp for models that do not fit"
        " on one (docs/scaling.md)",
    ),
]
SyncBatchNormOption = Annotated[
    bool,
    typer.Option(
        "--sync-batch-norm", help="with --parallel: batch norm statistics over all devices"
    ),
]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", help="print a line for every epoch")
]
