"""`nnlab gate`: its options; `nnlab.cli.train.gate.run` executes it."""

from functools import partial
from typing import Annotated, Any

import typer

from nnlab.cli.options import DbOption, FormatOption, StudyOption, given_settings, with_settings
from nnlab.cli.output.formats import Format
from nnlab.cli.train.execution_options import (
    AddressOption,
    AllowChangingDataOption,
    ArtifactsOption,
    CheckpointEveryOption,
    ConfigOption,
    CpusOption,
    DevicesOption,
    EngineChoice,
    EngineOption,
    GpusOption,
    KeepModelsOption,
    LauncherOption,
    MaxParallelOption,
    MemoryOption,
    NameOption,
    NoGitDiffOption,
    ParallelOption,
    PerDeviceOption,
    QuietOption,
    SyncBatchNormOption,
    TagOption,
    VerboseOption,
)
from nnlab.cli.train.gate.gate_command import GateCommand
from nnlab.cli.train.script_run.argument_split import OWN_OPTIONS, SCRIPT_TOKENS
from nnlab.cli.train.script_run.script_options import (
    CommandOption,
    GraceOption,
    GridOption,
    ProcessesOption,
    PythonOption,
    ScriptOption,
    SeedFlagOption,
    TimeLimitOption,
)
from nnlab.workers.cluster_options import ClusterOptions, Launcher
from nnlab.workers.parallel_config import silence_torch_logs
from nnlab.workers.plugin_launchers import find_launcher
from nnlab.workers.resources import resources_for

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command("gate", cls=GateCommand)
@partial(with_settings, aliases=True)
def gate(
    context: typer.Context,
    *,
    study: StudyOption = None,
    against: Annotated[
        str,
        typer.Option(
            "--against",
            metavar="best|RUN|TRIAL",
            help="the baseline: the best so far, a run by number or name, or a trial as"
            " opt=sgd,lr=0.1",
        ),
    ] = "best",
    max_seeds: Annotated[
        int,
        typer.Option("--max-seeds", metavar="N", min=2, max=10_000, help="use seeds 0 to N-1"),
    ] = 10,
    min_effect: Annotated[
        float,
        typer.Option(
            "--min-effect",
            metavar="D",
            min=0.0,
            help="keep only what improves the objective by more than this",
        ),
    ] = 0.0,
    ledger: Annotated[
        bool, typer.Option("--ledger", help="list the candidates that were tested; train nothing")
    ] = False,
    config: ConfigOption = None,
    name: NameOption = None,
    tag: TagOption = None,
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
    script: ScriptOption = None,
    cmd: CommandOption = None,
    grid: GridOption = None,
    seed_flag: SeedFlagOption = None,
    python: PythonOption = None,
    nproc: ProcessesOption = None,
    time_limit: TimeLimitOption = None,
    grace: GraceOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="print what would be compared, write nothing")
    ] = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
    launcher: LauncherOption = Launcher.LOCAL.value,
    address: AddressOption = None,
    gpus: GpusOption = 0,
    cpus: CpusOption = 1,
    mem: MemoryOption = None,
    max_parallel: MaxParallelOption = None,
    db: DbOption = None,
    **settings: Any,
) -> None:
    """Keep or discard a candidate: train it and the baseline, seed by seed, until it is decided.

    The options of a setting are those of `nnlab train`. The first candidate of a study becomes its
    baseline, and a candidate that is kept becomes the baseline of the next ones.
    However many candidates are tried, on average at most about 5 % of the kept ones are no better
    (docs/gate.md). A candidate that was tested before is answered without training.

    Exit codes: 0 keep (or first baseline), 10 discard, 11 not yet decided; errors have others.

    [bold]Examples[/bold]

        nnlab gate --study loop --opt adam

        nnlab gate --study loop --opt adam --lr 0.003

        nnlab gate --study loop --opt adam --dropout 0.2 --min-effect 0.002 --format json

        nnlab gate --study mine --objective val_loss:min --script train.py -- --lr 0.02

        nnlab gate --study loop --ledger
    """
    if ledger:
        from nnlab.cli.train.gate.ledger_table import print_ledger

        print_ledger(study, format, db)
        return
    # Imported only here: the store takes time to import, and completion does not need it.
    from nnlab.cli.train.gate.run import GateRun, check_gate_settings, run_gate_command
    from nnlab.cli.train.train.execute import OutputOptions
    from nnlab.study.execution_options import build_execution_options
    from nnlab.study.gate import GateOptions
    from nnlab.study.request import TrainRequest
    from nnlab.study.script_request import ScriptRequest
    from nnlab.workers import forkserver, placement

    chosen_launcher = find_launcher(launcher)
    check_gate_settings(settings["seed"], chosen_launcher)
    if parallel is not None:
        silence_torch_logs()
    is_script = script is not None or cmd is not None
    request: TrainRequest | ScriptRequest
    if is_script:
        request = ScriptRequest(
            script=script,
            command=cmd,
            tokens=tuple(context.meta.get(SCRIPT_TOKENS, ())),
            own_options=tuple(context.meta.get(OWN_OPTIONS, ())),
            grid=tuple(grid or ()),
            study=study,
            name=name,
            tags=tuple(tag or ()),
            objective=settings["objective"],
            metrics=settings["metrics"],
            seed_flag=seed_flag,
            python=python,
            processes=nproc,
            time_limit=time_limit,
            grace=grace,
        )
    else:
        request = TrainRequest(given_settings(settings), study, name=name, tags=tuple(tag or ()))
        if (
            chosen_launcher is Launcher.LOCAL
            and not dry_run
            and placement.expects_several_workers(devices, runs=2)
        ):
            # It imports torch while this process reads the request and the database.
            forkserver.start_forkserver()
    run_gate_command(
        request,
        config,
        GateRun(
            options=GateOptions(against, max_seeds, min_effect),
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
                cluster=resources_for(
                    ClusterOptions(None, address, gpus, cpus, mem, None, max_parallel),
                    chosen_launcher,
                ),
            ),
            output=OutputOptions(
                quiet=quiet or format is not Format.TABLE,
                verbose=verbose,
                is_data=format is not Format.TABLE,
            ),
            output_format=format,
            dry_run=dry_run,
            db=db,
        ),
    )
