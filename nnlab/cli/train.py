"""`nnlab train`: enqueue what is missing, train it, say what came out."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from nnlab import store
from nnlab.cli import announce
from nnlab.cli.interrupt import StopRequest
from nnlab.cli.options import Db, StudyOption, given, with_settings
from nnlab.cli.place import opened
from nnlab.cli.plan import Plan, Typed, plan_of, read_config
from nnlab.errors import Interrupted, NnlabError, NoDatabase, UnknownName, UsageError
from nnlab.records import Run, Status, Study
from nnlab.space import label, telling

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

# Plain `nnlab train` adds its runs to this study, which has no fixed space.
OPEN_STUDY = "default"


@app.command()
@with_settings
def train(
    *,
    study: StudyOption = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE.toml", help="settings in a file, as `lr = 0.1`"),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", metavar="N", help="train with seeds 0 to N-1")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="a name to find the runs by")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="a tag; repeat for more")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="train once more what is already there")
    ] = False,
    keep_models: Annotated[
        bool,
        typer.Option("--keep-models/--no-keep-models", help="keep the weights of the best epoch"),
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="show what would be trained, change nothing")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="print only the result")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="print a line for every epoch")
    ] = False,
    db: Db = None,
    **settings: Any,
) -> None:
    """Train one setting or a grid; every epoch lands in the database.

    Lists (--opt sgd,adam) and ranges (--lr 1e-4..1e-1) are multiplied out.
    What is trained is not trained twice; what was interrupted goes on.

    [bold]Examples[/bold]

        nnlab train --opt adam --decay exp

        nnlab train --opt sgd,adam --lr 1e-3..1e-1 --seeds 3

        nnlab train --study depth
    """
    typed = Typed(
        settings=given(settings),
        study=study,
        name=name,
        tags=tuple(tag or ()),
        seed=settings["seed"],
        seeds=seeds,
    )
    typed = read_config(config, typed)
    # All that can be wrong with a setting is found before a database is made or touched.
    plan = plan_of(typed) if typed.says_something or typed.study is None else None
    if dry_run:
        _dry_run(db, typed.study, plan)
        return
    with opened(db, write=True, create=plan is not None) as database:
        run_ids = _enqueue(database, typed.study, plan, again=again, quiet=quiet)
        _work(database, run_ids, quiet=quiet, verbose=verbose, keep_models=keep_models)


def _enqueue(
    db: store.Database, name: str | None, plan: Plan | None, *, again: bool, quiet: bool
) -> tuple[int, ...]:
    """Puts what was asked for into the queue and says what that is.

    Without a plan it is what the study of that name still wants.
    """
    if plan is None:
        study = _existing(db, str(name))
        wanted = _stored_runs(db, study)
    else:
        study = _study_for(db, plan)
        wanted = runs_of(plan)
    queued = store.enqueue(db, study, wanted, again=again)
    if not quiet:
        announce.setting([run.setting for run in wanted])
        announce.queued(study, queued)
    return queued.run_ids


def _study_for(db: store.Database, plan: Plan) -> Study:
    if plan.study is None:
        return store.create_study(
            db, name=OPEN_STUDY, question="", objective=None, space=None, seeds=()
        )
    return store.create_study(
        db,
        name=plan.study,
        question=plan.question,
        objective=plan.objective,
        space=plan.space,
        seeds=plan.seeds,
    )


def _existing(db: store.Database, name: str) -> Study:
    try:
        return store.find_study(db, name)
    except UnknownName as error:
        raise UsageError(
            error.message, hint=f"nnlab init-study {name} --lr 1e-3..1e-1 sets it up"
        ) from None


def _stored_runs(db: store.Database, study: Study) -> list[store.Plan]:
    """What a study wants already: its current runs."""
    return [
        store.Plan(run.trial.setting, run.trial.digest, run.seed, run.epochs_planned)
        for run in store.runs(db, study=study.id, current_only=True)
    ]


def runs_of(plan: Plan) -> list[store.Plan]:
    """Every run of a plan, all trials with the first seed first: an early look compares all."""
    return [
        store.Plan(point.setting, point.digest, seed, point.config.epochs, plan.name, plan.tags)
        for seed in plan.seeds
        for point in plan.points
    ]


def _work(
    db: store.Database,
    run_ids: Sequence[int],
    *,
    quiet: bool,
    verbose: bool,
    keep_models: bool,
) -> None:
    runs = store.runs(db, run_ids=run_ids)
    missing = [run for run in runs if run.status.is_missing]
    if missing:
        # torch takes its second or two here, after the settings were found to be good.
        from nnlab.cli.live import BarView, LinesView, QuietView, View

        fields = telling([run.trial.setting for run in runs])

        def describe(run: Run) -> str:
            return f"{label(run.trial.setting, fields)} seed={run.seed}".strip()

        left = sum(run.epochs_planned - run.epochs for run in missing)
        view: View
        if quiet:
            view = QuietView(describe)
        elif sys.stdout.isatty():
            view = BarView(describe, runs=len(missing), epochs=left, every_epoch=verbose)
        else:
            view = LinesView(describe, every_epoch=verbose)
        _train_all(db, [run.id for run in missing], view, keep_models=keep_models)
    announce.result(db, run_ids, quiet=quiet)
    _raise_for_failures(store.runs(db, run_ids=run_ids))


def _train_all(db: store.Database, run_ids: Sequence[int], view: Any, *, keep_models: bool) -> None:
    from nnlab.launch.local import work_off

    stop = StopRequest(view.stopping)
    try:
        with stop, view:
            work_off(db, run_ids, view, stop, keep_models=keep_models)
    except KeyboardInterrupt:
        raise Interrupted(
            "stopped in mid epoch; every finished epoch is kept", hint=_GO_ON
        ) from None
    if stop.asked:
        raise Interrupted("every finished epoch is kept", hint=_GO_ON)


_GO_ON = "the same command goes on where this one stopped"


def _raise_for_failures(runs: Sequence[Run]) -> None:
    failed = [run for run in runs if run.status is Status.FAILED]
    if failed:
        raise NnlabError(
            f"{len(failed)} of {len(runs)} runs failed; run {failed[0].id}: {failed[0].reason}",
            hint=f"`nnlab show {failed[0].id}` tells more; the same command tries again",
        )


def _dry_run(db: str | None, name: str | None, plan: Plan | None) -> None:
    """Says what would be trained; makes no database and writes to none."""
    try:
        with opened(db) as database:
            if plan is None:
                study: Study | None = _existing(database, str(name))
                assert study is not None
                wanted = _stored_runs(database, study)
            else:
                known = {found.study.name: found.study for found in store.studies(database)}
                study = known.get(plan.study or OPEN_STUDY)
                wanted = runs_of(plan)
            announce.dry_run(wanted, _done(database, study) if study else set())
    except NoDatabase:
        if plan is None:
            raise
        announce.dry_run(runs_of(plan), set())


def _done(db: store.Database, study: Study) -> set[tuple[str, int]]:
    runs = store.runs(db, study=study.id, current_only=True)
    return {(r.trial.digest, r.seed) for r in runs if not r.status.is_missing}
