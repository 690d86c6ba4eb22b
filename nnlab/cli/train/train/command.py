"""`nnlab train`: its options; `nnlab.cli.train.train.run` executes it."""

from enum import StrEnum
from functools import partial
from typing import Annotated, Any

import typer

from nnlab.cli.options import DbOption, StudyOption, given_settings, with_settings
from nnlab.cli.train.execution_options import (
    CLUSTER_PANEL,
    AddressOption,
    AllowChangingDataOption,
    ArtifactsOption,
    CheckpointEveryOption,
    ConfigOption,
    CpusOption,
    DevicesOption,
    EngineChoice,
    EngineOption,
    FailFastOption,
    GpusOption,
    KeepModelsOption,
    LauncherOption,
    MaxParallelOption,
    MemoryOption,
    NameOption,
    NoGitDiffOption,
    NotifyOption,
    ParallelOption,
    PartitionOption,
    PerDeviceOption,
    QuietOption,
    SyncBatchNormOption,
    TagOption,
    TaskTimeOption,
    VerboseOption,
)
from nnlab.cli.train.train.train_command import TrainCommand
from nnlab.workers.cluster_options import ClusterOptions, Launcher
from nnlab.workers.parallel_config import silence_torch_logs
from nnlab.workers.plugin_launchers import find_launcher
from nnlab.workers.resources import resources_for


class RetryChoice(StrEnum):
    """Which runs are tried again."""

    FAILED = "failed"


app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(cls=TrainCommand)
@partial(with_settings, aliases=True)
def train(
    *,
    study: StudyOption = None,
    config: ConfigOption = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", metavar="N", help="train with seeds 0 to N-1")
    ] = None,
    extend: Annotated[
        bool,
        typer.Option(
            "--extend", help="add these seeds, epochs or values to the study (docs/comparing.md)"
        ),
    ] = False,
    name: NameOption = None,
    tag: TagOption = None,
    again: Annotated[
        bool, typer.Option("--again", help="repeat runs that have a result already")
    ] = False,
    keep_models: KeepModelsOption = True,
    checkpoint_every: CheckpointEveryOption = "auto",
    artifacts: ArtifactsOption = None,
    allow_changing_data: AllowChangingDataOption = False,
    no_git_diff: NoGitDiffOption = False,
    engine: EngineOption = EngineChoice.AUTO,
    devices: DevicesOption = None,
    per_device: PerDeviceOption = "auto",
    parallel: ParallelOption = None,
    sync_batch_norm: SyncBatchNormOption = False,
    fail_fast: FailFastOption = False,
    allow_diverged: Annotated[
        bool,
        typer.Option("--allow-diverged", help="exit with code 0 even if every run diverged"),
    ] = False,
    retry: Annotated[
        RetryChoice | None, typer.Option("--retry", help="train only failed runs again")
    ] = None,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait/--no-wait", help="wait for runs of the study that other processes train"
        ),
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="print what would be trained, write nothing")
    ] = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
    launcher: LauncherOption = Launcher.LOCAL.value,
    partition: PartitionOption = None,
    address: AddressOption = None,
    nodes: Annotated[
        int,
        typer.Option(
            "--nodes",
            metavar="N",
            min=1,
            rich_help_panel=CLUSTER_PANEL,
            help="nodes of a task or worker that train each run together: with --parallel",
        ),
    ] = 1,
    gpus: GpusOption = 0,
    cpus: CpusOption = 1,
    mem: MemoryOption = None,
    time: TaskTimeOption = None,
    max_parallel: MaxParallelOption = None,
    notify: NotifyOption = None,
    db: DbOption = None,
    **settings: Any,
) -> None:
    """Train one setting or a grid; every epoch is stored in the database.

    Lists (--opt sgd,adam) and ranges (--lr 1e-4..1e-1) are expanded to all combinations.
    Finished runs are not trained twice; interrupted runs are resumed.
    --model.NAME VALUE sets an argument of your own model, and --loss.NAME, --opt.NAME and
    --decay.NAME one of your own loss, optimizer and schedule (docs/your-own.md).

    [bold]Examples[/bold]

        nnlab train --opt adam --decay exp

        nnlab train --opt sgd,adam --lr 1e-3..1e-1 --seeds 3

        nnlab train --study depth

        nnlab train --study depth --seeds 6 --extend

        nnlab train --study depth --launcher slurm --gpus 1 --time 4:00:00

        nnlab train --study depth --launcher ray --gpus 0.25

        nnlab train --model net.py:Net --model.width 8,16

        nnlab train --loss losses.py:focal --loss.gamma 1,2

        nnlab train --model resnet-8 --devices cuda:0,cuda:1 --parallel ddp

        nnlab train --study depth --launcher slurm --parallel ddp --nodes 2 --gpus 4
    """
    # Imported only here: the store takes time to import, and completion does not need it.
    from nnlab.workers import forkserver, placement

    chosen_launcher = find_launcher(launcher)
    if parallel is not None:
        silence_torch_logs()
    # The forkserver imports torch while this process reads the request and the database.
    if (
        chosen_launcher is Launcher.LOCAL
        and not dry_run
        and placement.expects_several_workers(devices, runs=seeds or (1 if study is None else 2))
    ):
        forkserver.start_forkserver()
    from nnlab.cli.train.run_options import RunOptions
    from nnlab.cli.train.train import execute, run
    from nnlab.study.execution_options import build_execution_options
    from nnlab.study.request import TrainRequest

    request = TrainRequest(
        settings=given_settings(settings),
        study=study,
        name=name,
        tags=tuple(tag or ()),
        seed=settings["seed"],
        seeds=seeds,
        extend=extend,
    )
    options = RunOptions(
        db=db,
        again=again,
        dry_run=dry_run,
        output=execute.OutputOptions(quiet=quiet, verbose=verbose),
        execution=build_execution_options(
            keep_models=keep_models,
            checkpoint_every=checkpoint_every,
            artifacts=artifacts,
            allow_changing_data=allow_changing_data,
            git_diff=not no_git_diff,
            engine=engine.value,
            devices=devices,
            per_device=per_device,
            parallel=None if parallel is None else parallel.value,
            sync_batch_norm=sync_batch_norm,
            fail_fast=fail_fast,
            allow_diverged=allow_diverged,
            failed_only=retry is not None,
            cluster=resources_for(
                ClusterOptions(partition, address, gpus, cpus, mem, time, max_parallel, nodes),
                chosen_launcher,
            ),
        ),
        wait=wait,
        notify=notify,
    )
    run.run_train(request, config, options)
