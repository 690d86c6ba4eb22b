"""The options of `nnlab import`."""

from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Annotated

import typer

from nnlab import store
from nnlab.cli import completion
from nnlab.cli.exchange.import_logs.present import (
    ImportView,
    print_logged_runs,
    print_reports,
    run_rows,
)
from nnlab.cli.open_database import open_db
from nnlab.cli.options import DbOption, FormatOption, StudyOption
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import note, print_json_line, say
from nnlab.errors import DataError, Interrupted, UsageError
from nnlab.exchange.detection import reader_kinds, reader_of
from nnlab.exchange.importing.objective_choice import choose_objective
from nnlab.exchange.importing.options import ImportOptions, ImportReport
from nnlab.exchange.importing.seed_source import SeedSource
from nnlab.exchange.importing.session import (
    FoundRun,
    ImportProgress,
    ImportSession,
    find_all_runs,
)
from nnlab.io.command_line import quote_command
from nnlab.objective import Objective
from nnlab.study.stop_signals import StopRequest

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

_POLL_SECONDS = 2.0


@app.command(name="import")
def import_command(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="files or folders of logs")
    ],
    *,
    kind: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="KIND",
            show_default=False,
            help="read only this kind of log \\[default: detected]",
            autocompletion=completion.log_kinds,
        ),
    ] = None,
    study: StudyOption = None,
    seed_from: Annotated[
        str | None,
        typer.Option(
            "--seed-from",
            metavar="NAME|REGEX",
            show_default=False,
            help="key of the configuration that has the seed, or a regular expression with one"
            " group that matches it in the name of the run \\[default: seed, random_seed, ...]",
        ),
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            "--objective",
            metavar="METRIC[:min|max]",
            show_default=False,
            help="metric to rank by, for a study that has none"
            " \\[default: a validation metric that most runs have]",
        ),
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="NNLAB=LOGGED,...", help="names of metrics, such as val/f1=dev_score"
        ),
    ] = None,
    keep_names: Annotated[
        bool,
        typer.Option("--keep-names", help="keep names such as eval_loss instead of val/loss"),
    ] = False,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", help="tag of the runs; repeat for more")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="go on while the logs grow, until Ctrl-C")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="list the runs that would be imported")
    ] = False,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
    db: DbOption = None,
) -> None:
    r"""Import the logs of other tools: TensorBoard, W&B, MLflow, trackio, CSV, and more.

    Every logged run becomes a run of the database. A run is imported once: the next import of the
    same log stores what was added to it. docs/other-tools.md lists what is read of each kind.

    [bold]Examples[/bold]

        nnlab import runs/ wandb/ mlruns/

        nnlab import runs --study lr --seed-from 'seed(\d+)' --objective val/accuracy

        nnlab import lightning_logs --follow
    """
    if kind is not None:
        reader_of(kind)
    options = ImportOptions(
        study=study,
        seed_source=None if seed_from is None else SeedSource.parse(seed_from),
        metric_names=_parse_mapping(mapping or ()),
        keep_names=keep_names,
        tags=tuple(tag or ()),
    )
    if objective is not None and ":" in objective:
        _parse_objective(objective, None)

    def search() -> list[FoundRun]:
        return find_all_runs(paths, kind)

    logged_runs = search()
    if dry_run:
        _check_runs_exist(logged_runs, paths, kind)
        print_logged_runs(logged_runs, db, format)
        return
    if not follow:
        _check_runs_exist(logged_runs, paths, kind)
    with open_db(db, write=True, create=True) as database:
        if follow:
            _follow(database, options, search, objective, format)
        else:
            _import_once(database, options, logged_runs, objective, format)


def _import_once(
    database: store.Database,
    options: ImportOptions,
    logged_runs: Sequence[FoundRun],
    objective: str | None,
    output_format: Format,
) -> None:
    view = ImportView(len(logged_runs))
    with StopRequest(lambda: None) as stop:
        session = ImportSession(
            database, options, ImportProgress(view.on_run, view.on_values, stop)
        )
        with closing(view), suppress(Interrupted):
            session.import_runs(logged_runs)
        studies = _set_objectives(database, view.reports, objective)
        print_reports(run_rows(database, view.reports), view.reports, output_format)
        if stop():
            raise Interrupted(
                f"{len(view.reports)} of {len(logged_runs)} runs were imported",
                hint="the same command continues",
            )
    if all(report.outcome == "failed" for report in view.reports):
        raise DataError("no log could be read", hint="nnlab import --dry-run lists what was found")
    if output_format is Format.TABLE and studies:
        say("next: " + quote_command("nnlab", "compare", studies[0]), style="dim")


def _follow(
    database: store.Database,
    options: ImportOptions,
    search: Callable[[], Sequence[FoundRun]],
    objective: str | None,
    output_format: Format,
) -> None:
    def report_run(report: ImportReport) -> None:
        if report.outcome in ("unchanged", "removed", "busy") and not report.values:
            return
        _set_objectives(database, [report], objective)
        (row,) = run_rows(database, [report])
        if output_format is Format.JSON:
            print_json_line(row)
        else:
            say(
                f"run {row['run']}  {row['name']}: {report.values:,} values"
                + (f", {report.outcome}" if report.outcome != "continued" else "")
                + (f": {report.error}" if report.error else "")
            )

    if output_format is Format.TABLE:
        note("following the logs; Ctrl-C ends it")
    with StopRequest(lambda: None) as stop:
        session = ImportSession(database, options, ImportProgress(report_run, lambda _: None, stop))
        session.follow(search, seconds=_POLL_SECONDS)


def _check_runs_exist(
    logged_runs: Sequence[FoundRun], paths: Sequence[Path], kind: str | None
) -> None:
    """Raises DataError if there is nothing to import."""
    if logged_runs:
        return
    places = ", ".join(map(str, paths))
    kinds = kind or ", ".join(reader_kinds())
    raise DataError(
        f"no logged run in {places}",
        hint=f"these kinds of logs are read: {kinds} (docs/other-tools.md)",
    )


def _set_objectives(
    database: store.Database, reports: Sequence[ImportReport], text: str | None
) -> list[str]:
    """Gives the studies of the runs an objective; returns their names."""
    ids = [report.run_id for report in reports if report.run_id is not None]
    runs = store.runs(database, run_ids=ids) if ids else []
    names = list(dict.fromkeys(run.trial.study for run in runs))
    directions = {
        name: direction
        for name, direction in store.user_directions(database).items()
        if direction != "none"
    }
    for name in names:
        stored = store.find_study(database, name).objective
        if text is not None:
            chosen: Objective | None = _parse_objective(text, database)
            if stored is not None and stored != chosen:
                note(f"study {name} keeps its objective {stored}; compare --by {text} ranks by it")
        elif stored is None:
            chosen = choose_objective(store.evaluated_metrics(database, name), directions)
        else:
            chosen = None
        if stored is None and chosen is not None:
            store.set_missing_objective(database, name, chosen)
    return names


def _parse_objective(text: str, database: store.Database | None) -> Objective:
    defined = {} if database is None else store.user_directions(database)
    directions = {name: value for name, value in defined.items() if value != "none"}
    try:
        return Objective.parse(text, directions)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _parse_mapping(texts: Sequence[str]) -> dict[str, str]:
    """The names to give to metrics by those in the log, from `val/f1=dev_score,...`."""
    mapping = {}
    for part in (part for text in texts for part in text.split(",")):
        name, equals, logged = part.partition("=")
        if not equals or not name.strip() or not logged.strip():
            raise UsageError(
                f"--map takes NNLAB=LOGGED, got {part!r}", hint="--map val/f1=dev_score"
            )
        mapping[logged.strip()] = name.strip()
    return mapping
