"""`nnlab init-study`: its options. What they lead to is in `nnlab.cli.train.train.run`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from nnlab.cli.options import DbOption, given_settings, with_settings

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command("init-study")
@with_settings
def init_study(
    study: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            show_default=False,
            help="what the study is called \\[default: a built-in study's own name]",
        ),
    ] = None,
    *,
    question: Annotated[
        str | None, typer.Option("--question", metavar="TEXT", help="what it is to answer")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE.toml", help="the space in a file"),
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
        typer.Option("--trials", metavar="N", help="how many the sampler may choose"),
    ] = None,
    sampler_seed: Annotated[
        int | None,
        typer.Option("--sampler-seed", metavar="N", show_default=False, help="\\[default: 0]"),
    ] = None,
    at_once: Annotated[
        int | None,
        typer.Option(
            "--at-once",
            metavar="N",
            show_default=False,
            help="trials that tpe and cma-es choose at a time \\[default: 4]",
        ),
    ] = None,
    pruner: Annotated[
        str | None,
        typer.Option(
            "--pruner",
            metavar="NAME",
            show_default=False,
            help="ends runs early that do badly: median or asha \\[default: none]",
        ),
    ] = None,
    extend: Annotated[
        bool,
        typer.Option("--extend", help="add seeds, epochs, values or trials to a study that exists"),
    ] = False,
    skip_if_exists: Annotated[
        bool, typer.Option("--skip-if-exists", help="leave a study of that name as it is")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="show the trials, change nothing")
    ] = False,
    db: DbOption = None,
    **settings: Any,
) -> None:
    """Set up a study; `nnlab train --study NAME` then trains what is missing.

    Options take lists (--opt sgd,adam) and ranges (--lr 1e-4..1e-1).
    A range of two decades or more is spaced in the logarithm.
    --width 32..512:5 takes five values of it.
    With --sampler a range is any number in it, and --trials says how many are tried.
    --from also takes a built-in study (`nnlab studies --builtin`).

    [bold]Examples[/bold]

        nnlab init-study --from lecture/relu

        nnlab init-study lr --lr 1e-4..1e-1 --opt sgd,adam --seeds 5 --question "Which lr?"

        nnlab init-study search --lr 1e-4..1e-1 --dropout 0..0.5 --sampler tpe --trials 40

        nnlab init-study lr --config lr.toml --skip-if-exists

        nnlab init-study search --trials 80 --extend
    """
    # The store and what stands on it are imported now, not when a shell asks for completions.
    from nnlab.cli.train.train import run
    from nnlab.study import builtin
    from nnlab.study.spec import TrainRequest

    if config is None and settings["start_from"] in builtin.builtin_study_names():
        builtin_study = str(settings.pop("start_from"))
        study, config = study or builtin_study, builtin.builtin_study_path(builtin_study)
    typed = TrainRequest(
        settings=given_settings(settings),
        study=study,
        question=question,
        seed=settings["seed"],
        seeds=seeds,
        extend=extend,
        sampler={
            key: value
            for key, value in (
                ("sampler", sampler),
                ("trials", trials),
                ("sampler_seed", sampler_seed),
                ("at_once", at_once),
                ("pruner", pruner),
            )
            if value is not None
        },
    )
    run.set_up_study(typed, config, db=db, skip_if_exists=skip_if_exists, dry_run=dry_run)
