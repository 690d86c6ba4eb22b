"""`nnlab init-study`: its options; `nnlab.cli.train.train.run` executes it."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from nnlab.cli.options import DbOption, given_settings, with_settings
from nnlab.cli.train.script_run.argument_split import OWN_OPTIONS, SCRIPT_TOKENS
from nnlab.cli.train.script_run.script_command import StudyCommand
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
from nnlab.errors import UsageError
from nnlab.io.command_line import quote_command

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command("init-study", cls=StudyCommand)
@partial(with_settings, aliases=True)
def init_study(
    context: typer.Context,
    study: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            show_default=False,
            help="name of the study \\[default: the name of the built-in study]",
        ),
    ] = None,
    *,
    question: Annotated[
        str | None,
        typer.Option("--question", metavar="TEXT", help="the question that the study answers"),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE.toml", help="read the space from a file"),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", metavar="N", help="seeds 0 to N-1 for each trial")
    ] = None,
    sampler: Annotated[
        str | None,
        typer.Option(
            "--sampler",
            metavar="NAME",
            show_default=False,
            help="grid, random, sobol, tpe or cma-es (docs/searching.md) \\[default: grid]",
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option("--trials", metavar="N", help="number of trials that the sampler may choose"),
    ] = None,
    sampler_seed: Annotated[
        int | None,
        typer.Option(
            "--sampler-seed",
            metavar="N",
            show_default=False,
            help="random seed of the sampler \\[default: 0]",
        ),
    ] = None,
    at_once: Annotated[
        int | None,
        typer.Option(
            "--at-once",
            metavar="N",
            show_default=False,
            help="trials that tpe and cma-es suggest at once \\[default: 4]",
        ),
    ] = None,
    pruner: Annotated[
        str | None,
        typer.Option(
            "--pruner",
            metavar="NAME",
            show_default=False,
            help="stop unpromising runs early: median or asha \\[default: none]",
        ),
    ] = None,
    script: ScriptOption = None,
    cmd: CommandOption = None,
    grid: GridOption = None,
    seed_flag: SeedFlagOption = None,
    python: PythonOption = None,
    nproc: ProcessesOption = None,
    time_limit: TimeLimitOption = None,
    grace: GraceOption = None,
    extend: Annotated[
        bool,
        typer.Option("--extend", help="add seeds, epochs, values or trials to a study that exists"),
    ] = False,
    skip_if_exists: Annotated[
        bool, typer.Option("--skip-if-exists", help="do nothing if a study of that name exists")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="print the trials, write nothing")
    ] = False,
    db: DbOption = None,
    **settings: Any,
) -> None:
    """Set up a study; `nnlab train --study NAME` then trains what is missing.

    Options take lists (--opt sgd,adam) and ranges (--lr 1e-4..1e-1).
    Values of a range of two decades or more are spaced logarithmically.
    --width 32..512:5 takes five values of the range.
    --model.NAME VALUE sets an argument of your own model; --loss, --opt and --decay have the same.
    With --sampler any number of a range may be chosen, and --trials limits the trials.
    --from also takes a built-in study (`nnlab studies --builtin`).

    [bold]Examples[/bold]

        nnlab init-study --from lecture/relu

        nnlab init-study lr --lr 1e-4..1e-1 --opt sgd,adam --seeds 5

        nnlab init-study search --lr 1e-4..1e-1 --sampler tpe --trials 40

        nnlab init-study lr --config lr.toml --skip-if-exists

        nnlab init-study search --trials 80 --extend

        nnlab init-study s --script train.py --lr 1e-4..1e-1 --sampler tpe --trials 9
    """
    # Imported only here: the store takes time to import, and completion does not need it.
    from nnlab.cli.train.train import run
    from nnlab.study import builtin
    from nnlab.study.request import TrainRequest

    sampler_values = {
        key: value
        for key, value in (
            ("sampler", sampler),
            ("trials", trials),
            ("sampler_seed", sampler_seed),
            ("at_once", at_once),
            ("pruner", pruner),
        )
        if value is not None
    }
    if script is not None or cmd is not None:
        from nnlab.cli.train.script_run.run import init_script_study
        from nnlab.study.script_request import ScriptRequest

        check_script_options(study, config, extend=extend)
        script_request = ScriptRequest(
            script=script,
            command=cmd,
            tokens=tuple(context.meta.get(SCRIPT_TOKENS, ())),
            own_options=tuple(context.meta.get(OWN_OPTIONS, ())),
            grid=tuple(grid or ()),
            study=study,
            question=question,
            seed=settings["seed"],
            seeds=seeds,
            objective=settings["objective"],
            metrics=settings["metrics"],
            seed_flag=seed_flag,
            python=python,
            processes=nproc,
            time_limit=time_limit,
            grace=grace,
            sampler=sampler_values,
        )
        init_script_study(script_request, db=db, skip_if_exists=skip_if_exists, only_print=dry_run)
        return
    if config is None and settings["start_from"] in builtin.builtin_study_names():
        builtin_study = str(settings.pop("start_from"))
        study, config = study or builtin_study, builtin.builtin_study_path(builtin_study)
    request = TrainRequest(
        settings=given_settings(settings),
        study=study,
        question=question,
        seed=settings["seed"],
        seeds=seeds,
        extend=extend,
        sampler=sampler_values,
    )
    run.run_init_study(request, config, db=db, skip_if_exists=skip_if_exists, only_print=dry_run)


def check_script_options(study: str | None, config: Path | None, *, extend: bool) -> None:
    """Checks the options of a study of a script.

    Raises:
        UsageError: it has no name, or an option is for studies that nnlab trains.
    """
    if study is None:
        raise UsageError(
            "init-study needs a name for the study", hint="nnlab init-study NAME --script train.py"
        )
    if config is not None:
        raise UsageError("--config has settings of nnlab, not flags of a script")
    if extend:
        raise UsageError(
            "the script of a study that exists is known already",
            hint=f"{quote_command('nnlab', 'init-study', study)} --trials 80 --extend, without"
            " --script",
        )
