"""`nnlab run`: its options; `nnlab.cli.train.script_run.run` executes it."""

from pathlib import Path
from typing import Annotated

import typer

from nnlab.cli.options import DbOption, StudyOption
from nnlab.cli.train.execution_options import (
    AddressOption,
    CpusOption,
    FailFastOption,
    GpusOption,
    LauncherOption,
    MaxParallelOption,
    MemoryOption,
    NoGitDiffOption,
    NotifyOption,
    PartitionOption,
    QuietOption,
    TaskTimeOption,
)
from nnlab.cli.train.script_run.argument_split import OWN_OPTIONS, SCRIPT_TOKENS
from nnlab.cli.train.script_run.script_command import ScriptCommand
from nnlab.cli.train.train.command import RetryChoice
from nnlab.workers.cluster_options import ClusterOptions, Launcher

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command("run", cls=ScriptCommand)
def run_script_command(
    context: typer.Context,
    script: Annotated[
        Path | None,
        typer.Argument(
            metavar="SCRIPT [FLAGS] [-- ARGUMENTS]",
            show_default=False,
            help="a Python script, its own flags, and arguments that it gets unchanged",
        ),
    ] = None,
    *,
    cmd: Annotated[
        str | None,
        typer.Option(
            "--cmd",
            metavar="COMMAND",
            help="any command instead of a script, with placeholders: './train.sh {lr} {seed}'",
        ),
    ] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(
            "--grid",
            metavar="NAME=VALUES",
            help="values of a flag that takes several, or of a script with an unknown parser",
        ),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", metavar="N", help="run with seeds 0 to N-1")
    ] = None,
    seed: Annotated[
        str | None, typer.Option("--seed", metavar="INT[,...]", help="run with these seeds")
    ] = None,
    seed_flag: Annotated[
        str | None,
        typer.Option(
            "--seed-flag",
            metavar="NAME|none",
            help="the script's flag for the seed, by default --seed if it has one",
        ),
    ] = None,
    study: StudyOption = None,
    name: Annotated[str | None, typer.Option("--name", help="name of the runs")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="a tag; repeat for more")] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            "--objective",
            metavar="METRIC[:min|max]",
            help="the metric that ranks the runs, by default the loss of the validation split",
        ),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            "--metrics",
            metavar="lines|none|FOLDER",
            help="where metrics come from: what the script prints, or a log folder of another tool"
            " (docs/your-script.md)",
        ),
    ] = None,
    python: Annotated[
        str | None,
        typer.Option(
            "--python",
            metavar="PATH",
            help="interpreter of the script, by default that of the active environment",
        ),
    ] = None,
    nproc: Annotated[
        int | None,
        typer.Option(
            "--nproc",
            metavar="N",
            min=1,
            help="start each run with torchrun as N processes, each with a GPU of --devices",
        ),
    ] = None,
    time_limit: Annotated[
        str | None,
        typer.Option("--time-limit", metavar="TIME", help="longest duration of a run, as 90min"),
    ] = None,
    grace: Annotated[
        str | None,
        typer.Option(
            "--grace",
            metavar="TIME",
            show_default=False,
            help="how long a script may take to save a checkpoint after SIGTERM \\[default: 30s]",
        ),
    ] = None,
    devices: Annotated[
        str | None,
        typer.Option(
            "--devices",
            metavar="LIST",
            envvar="NNLAB_DEVICES",
            help="a run on each of these devices at the same time: cuda:0,cuda:1, or cpu:4",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", metavar="N", min=1, max=256, help="runs at the same time"),
    ] = None,
    artifacts: Annotated[
        str | None,
        typer.Option(
            "--artifacts",
            metavar="DIR",
            envvar="NNLAB_ARTIFACTS",
            help="where outputs and checkpoints of new runs are stored, by default next to the"
            " database",
        ),
    ] = None,
    no_git_diff: NoGitDiffOption = False,
    again: Annotated[
        bool, typer.Option("--again", help="repeat runs that have a result already")
    ] = False,
    retry: Annotated[
        RetryChoice | None, typer.Option("--retry", help="execute only failed runs again")
    ] = None,
    fail_fast: FailFastOption = False,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait/--no-wait", help="wait for runs of the study that other processes execute"
        ),
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="print each command line, execute nothing")
    ] = False,
    quiet: QuietOption = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="print a line whenever metrics are logged")
    ] = False,
    launcher: LauncherOption = Launcher.LOCAL.value,
    partition: PartitionOption = None,
    address: AddressOption = None,
    gpus: GpusOption = 0,
    cpus: CpusOption = 1,
    mem: MemoryOption = None,
    time: TaskTimeOption = None,
    max_parallel: MaxParallelOption = None,
    notify: NotifyOption = None,
    db: DbOption = None,
) -> None:
    """Run your own training script, or any command, as a study.

    The script needs no changes. nnlab asks its parser for its flags, runs every combination of
    the values with every seed, and reads the metrics that it prints.
    After the script, the long options below are nnlab's and all others are flags of the script;
    --flag.NAME is the flag NAME of the script in any case.
    Finished runs are not executed twice; interrupted ones find their checkpoints in NNLAB_DIR.

    [bold]Examples[/bold]

        nnlab run train.py --lr 0.1,0.01 --batch-size 32 --seeds 3

        nnlab run train.py --lr 1e-4..1e-1 --objective val/acc:max --devices cuda:0,cuda:1

        nnlab run --cmd "./train.sh {lr} --seed {seed}" --lr 0.1,0.01 --seeds 3

        nnlab run train.py --grid layers=64,128 -- --any-other argument

        nnlab run train.py --nproc 2 --devices cuda:0,cuda:1

        nnlab run train.py --lr 0.1,0.01 --launcher slurm --gpus 1 --time 4:00:00
    """
    # Imported only here: the store takes time to import, and completion does not need it.
    from nnlab.cli.train.run_options import RunOptions
    from nnlab.cli.train.script_run.run import run_script_request
    from nnlab.cli.train.train.execute import OutputOptions
    from nnlab.study.execution_options import build_execution_options
    from nnlab.study.script_request import ScriptRequest
    from nnlab.workers.plugin_launchers import find_launcher
    from nnlab.workers.resources import resources_for

    request = ScriptRequest(
        script=script,
        command=cmd,
        tokens=tuple(context.meta.get(SCRIPT_TOKENS, ())),
        own_options=tuple(context.meta.get(OWN_OPTIONS, ())),
        grid=tuple(grid or ()),
        study=study,
        name=name,
        tags=tuple(tag or ()),
        seed=seed,
        seeds=seeds,
        objective=objective,
        metrics=metrics,
        seed_flag=seed_flag,
        python=python,
        processes=nproc,
        time_limit=time_limit,
        grace=grace,
    )
    cluster = ClusterOptions(partition, address, gpus, cpus, mem, time, max_parallel)
    options = RunOptions(
        db=db,
        output=OutputOptions(quiet=quiet, verbose=verbose),
        execution=build_execution_options(
            artifacts=artifacts,
            git_diff=not no_git_diff,
            devices=devices,
            jobs=jobs,
            fail_fast=fail_fast,
            failed_only=retry is not None,
            cluster=resources_for(cluster, find_launcher(launcher)),
        ),
        again=again,
        dry_run=dry_run,
        wait=wait,
        notify=notify,
    )
    run_script_request(request, options)
