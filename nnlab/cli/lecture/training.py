"""Trains the studies of the course one after the other, with a forecast of the time left."""

from collections.abc import Sequence
from functools import partial

from nnlab.cli.lecture.forecast import TrainingForecast
from nnlab.cli.lecture.listing import open_if_exists
from nnlab.cli.lecture.views import TimeLeft, study_view
from nnlab.cli.open_database import open_db
from nnlab.cli.output.render import note, say
from nnlab.cli.train.train.downloads import fetch_with_progress
from nnlab.io.text import format_count
from nnlab.lecture.missing_runs import missing_training, training_weights
from nnlab.study.events import ExecutionEvent
from nnlab.study.execution_options import build_execution_options, check_execution_options
from nnlab.study.pretrain import pretrain_request
from nnlab.study.progress_lines import event_line
from nnlab.study.queue import queue_runs
from nnlab.study.request import TrainRequest
from nnlab.study.resolution import read_request, resolve_request
from nnlab.study.spec import StudySpec
from nnlab.study.training import TrainingInterface, train_queued
from nnlab.workers import forkserver, placement


def train_studies(studies: Sequence[str], db: str | None, devices: str | None) -> None:
    """Trains the runs of built-in studies that have no result yet.

    A failed run is printed, and the other studies are trained nevertheless.

    Raises:
        Interrupted: the user stopped it; the same call continues.
        NnlabError: the database cannot be used.
    """
    with open_if_exists(db, required=False) as database:
        missing = [missing_training(database, study) for study in studies]
    missing = [part for part in missing if part.runs]
    if not missing:
        say("every study is trained already")
        return
    if placement.expects_several_workers(devices, runs=sum(part.runs for part in missing)):
        forkserver.start_forkserver()
    forecast = TrainingForecast(training_weights(missing))
    for number, part in enumerate(missing, start=1):
        parts = [format_count(part.runs, "run"), forecast.time_left(part.study)]
        say(f"{number}/{len(missing)} {part.study}: {', '.join(filter(None, parts))}")
        time_left = partial(forecast.time_left, part.study)
        _train_study(TrainRequest(settings={}, study=part.study), db, devices, time_left)
        forecast.finish(part.study)


def _train_study(
    typed: TrainRequest, db: str | None, devices: str | None, time_left: TimeLeft
) -> None:
    """Trains what is missing of a study, first the weights that it starts from."""
    request = read_request(typed, None, db)
    initial = pretrain_request(request)
    if initial is not None:
        # The weights are part of the study, whose time is not known apart from them.
        _train_request(initial, db, devices, lambda _: "", keep_models=True)
    _train_request(request, db, devices, time_left, keep_models=False)


def _train_request(
    request: TrainRequest,
    db: str | None,
    devices: str | None,
    time_left: TimeLeft,
    *,
    keep_models: bool,
) -> None:
    execution = build_execution_options(
        keep_models=keep_models, devices=devices, allow_diverged=True
    )
    check_execution_options(request, execution)
    specification = resolve_request(request, db, "")
    interface = TrainingInterface(
        create_view=lambda runs, missing: study_view(runs, missing, time_left),
        report=_print_event,
        fetch_data=fetch_with_progress,
    )
    with open_db(db, write=True, create=isinstance(specification, StudySpec)) as database:
        queued = queue_runs(database, request, specification)
        result = train_queued(database, queued, interface, execution)
    if result.error is not None:
        note(result.error.message)


def _print_event(event: ExecutionEvent) -> None:
    note(event_line(event))
