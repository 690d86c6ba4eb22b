"""Trains the studies of the course one after the other, with a forecast of the time left."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from nnlab.cli.lecture.listing import open_if_exists
from nnlab.cli.open_database import open_db
from nnlab.cli.output.render import note, say
from nnlab.cli.train.train.downloads import fetch_with_progress
from nnlab.cli.train.train.progress import BarView, QuietView
from nnlab.io.text import format_count
from nnlab.lecture.missing_runs import missing_training, training_weights
from nnlab.records import Run, Status
from nnlab.stats import format_duration
from nnlab.study.events import ExecutionEvent
from nnlab.study.execution_options import build_execution_options, check_execution_options
from nnlab.study.pretrain import pretrain_request
from nnlab.study.progress_lines import event_line, run_describer, run_result_line
from nnlab.study.queue import queue_runs
from nnlab.study.request import TrainRequest
from nnlab.study.resolution import read_request, resolve_request
from nnlab.study.spec import StudySpec
from nnlab.study.train_view import TrainView
from nnlab.study.training import TrainingInterface, train_queued
from nnlab.workers import forkserver, placement
from nnlab.workers.callbacks import RunResult


@dataclass(slots=True)
class TrainingForecast:
    """Predicts the time left from the time that the studies so far took.

    `weights` is how long each study takes relative to the others.
    """

    weights: dict[str, float]
    started_at: float = field(default_factory=time.monotonic)
    done: float = 0.0

    def finish(self, study: str) -> None:
        """Counts a study as trained."""
        self.done += self.weights[study]

    def time_left(self) -> str:
        """The time left as text; empty before the first study has ended."""
        if not self.done:
            return ""
        elapsed = time.monotonic() - self.started_at
        left = sum(self.weights.values()) - self.done
        return f", about {format_duration(elapsed * left / self.done)} left"


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
        runs = format_count(part.runs, "run")
        say(f"{number}/{len(missing)} {part.study}: {runs}{forecast.time_left()}")
        _train_study(TrainRequest(settings={}, study=part.study), db, devices)
        forecast.finish(part.study)


def _train_study(typed: TrainRequest, db: str | None, devices: str | None) -> None:
    """Trains what is missing of a study, first the weights that it starts from."""
    request = read_request(typed, None, db)
    initial = pretrain_request(request)
    if initial is not None:
        _train_request(initial, db, devices, keep_models=True)
    _train_request(request, db, devices, keep_models=False)


def _train_request(
    request: TrainRequest, db: str | None, devices: str | None, *, keep_models: bool
) -> None:
    execution = build_execution_options(
        keep_models=keep_models, devices=devices, allow_diverged=True
    )
    check_execution_options(request, execution)
    specification = resolve_request(request, db, "")
    interface = TrainingInterface(
        create_view=_create_view, report=_print_event, fetch_data=fetch_with_progress
    )
    with open_db(db, write=True, create=isinstance(specification, StudySpec)) as database:
        queued = queue_runs(database, request, specification)
        result = train_queued(database, queued, interface, execution)
    if result.error is not None:
        note(result.error.message)


def _print_event(event: ExecutionEvent) -> None:
    note(event_line(event))


def _create_view(runs: Sequence[Run], missing: Sequence[Run]) -> TrainView:
    """A bar on a terminal; in a pipe only failures."""
    describe = run_describer(runs)
    if not sys.stdout.isatty():
        return FailuresView(describe)
    epochs_left = sum(run.epochs_planned - run.epochs for run in missing)
    return StudyBarView(describe, runs=len(missing), epochs=epochs_left)


class FailuresView(QuietView):
    """Prints only failures: some arms of a study are meant to train badly, which needs no note."""

    def on_note(self, run: Run, message: str) -> None:
        """Prints nothing."""


class StudyBarView(BarView):
    """A bar over the epochs of a study; of the runs that ended only failures are printed."""

    def on_note(self, run: Run, message: str) -> None:
        """Prints nothing, as in `FailuresView`."""

    def on_run_end(self, result: RunResult) -> None:
        """Advances the bar, and prints a failure."""
        self.skip_rest(result)
        if result.status is Status.FAILED:
            self._print_line(run_result_line(result, self._describe(result.run)))
