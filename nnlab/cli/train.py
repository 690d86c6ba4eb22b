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
from nnlab.space import differing, label

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

    Lists (--opt sgd,adam) and ranges (--lr 1e-4..1e-1) are multiplied out. What is already
    trained is not trained twice; what was interrupted goes on.

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
    if dry_run:
        _dry_run(db, typed)
        return
    only_study = typed.study is not None and not typed.says_something
    with opened(db, write=True, create=not only_study) as database:
        run_ids = _enqueue(database, typed, again=again, quiet=quiet)
        _work(database, run_ids, quiet=quiet, verbose=verbose, keep_models=keep_models)


def _enqueue(db: store.Database, typed: Typed, *, again: bool, quiet: bool) -> tuple[int, ...]:
    """Puts what was asked for into the queue and says what that is."""
    study, plan = _study_and_plan(db, typed)
    queued = store.enqueue(db, study, _planned(db, study, plan), again=again)
    if not quiet:
        announce.setting([run.trial.setting for run in store.runs(db, run_ids=queued.run_ids)])
        announce.queued(study, queued)
    return queued.run_ids


def _study_and_plan(db: store.Database, typed: Typed) -> tuple[Study, Plan | None]:
    """The study to add to, and the plan, or None where the study already holds all."""
    if typed.study is not None and not typed.says_something:
        return _existing(db, typed.study), None
    plan = plan_of(typed)
    if plan.study is None:
        return store.create_study(
            db, name=OPEN_STUDY, question="", objective=None, space=None, seeds=()
        ), plan
    return store.create_study(
        db,
        name=plan.study,
        question=plan.question,
        objective=plan.objective,
        space=plan.space,
        seeds=plan.seeds,
    ), plan


def _existing(db: store.Database, name: str) -> Study:
    try:
        return store.find_study(db, name)
    except UnknownName as error:
        raise UsageError(
            error.message, hint=f"nnlab init-study {name} --lr 1e-3..1e-1 sets it up"
        ) from None


def _planned(db: store.Database, study: Study, plan: Plan | None) -> list[store.Plan]:
    if plan is None:
        return [
            store.Plan(run.trial.setting, run.trial.digest, run.seed, run.epochs_planned, None, ())
            for run in store.runs(db, study=study.id, current_only=True)
        ]
    return runs_of(plan)


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

        fields = differing([run.trial.setting for run in runs])

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
        raise Interrupted("stopped; every finished epoch is kept", hint=_GO_ON)


_GO_ON = "the same command goes on where this one stopped"


def _raise_for_failures(runs: Sequence[Run]) -> None:
    failed = [run for run in runs if run.status is Status.FAILED]
    if failed:
        raise NnlabError(
            f"{len(failed)} of {len(runs)} runs failed; run {failed[0].id}: {failed[0].reason}",
            hint=f"`nnlab show {failed[0].id}` tells more; the same command tries again",
        )


def _dry_run(db: str | None, typed: Typed) -> None:
    """Says what would be trained; makes no database and writes to none."""
    place: Any
    try:
        place = opened(db)
        with place as database:
            _show_plan(database, typed)
    except NoDatabase:
        if typed.study is not None and not typed.says_something:
            raise
        _show_plan(None, typed)


def _show_plan(db: store.Database | None, typed: Typed) -> None:
    if typed.study is not None and not typed.says_something:
        assert db is not None
        study = _existing(db, typed.study)
        wanted = _planned(db, study, None)
    else:
        plan = plan_of(typed)
        wanted = runs_of(plan)
        names = {s.study.name: s.study for s in store.studies(db)} if db else {}
        found = names.get(plan.study or OPEN_STUDY)
        study = found  # type: ignore[assignment]
    done = _done(db, study) if db is not None and study is not None else set()
    announce.dry_run(wanted, done)


def _done(db: store.Database, study: Study) -> set[tuple[str, int]]:
    runs = store.runs(db, study=study.id, current_only=True)
    return {(r.trial.digest, r.seed) for r in runs if not r.status.is_missing}
