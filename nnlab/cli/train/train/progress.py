"""What is shown while runs train: a bar on a terminal, lines in a pipe, or nothing."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, Self

from nnlab.cli.output.render import console, rich_text
from nnlab.diagnose import group_symptoms
from nnlab.diagnose.headlines import table_findings
from nnlab.records import Epoch, Run, Status
from nnlab.stats import format_duration
from nnlab.workers.callbacks import RunCallbacks, RunResult

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

# Redrawing takes the processor from the training beside it.
_REFRESH_PER_SECOND = 4
_SECONDS_BETWEEN_LINES = 10.0
# A bar of ten cells, the numbers of epochs, the time left, and spaces.
_BAR_WIDTH = 28
_MAX_TITLE = 40

DescribeRun = Callable[[Run], str]


class TrainView(RunCallbacks, Protocol):
    """A listener that is entered before the first run and left after the last."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...
    def stopping(self) -> None:
        """The user has asked to stop."""


def metrics_line(values: Mapping[str, float]) -> str:
    """Loss and score of both splits, and lr, in a line."""
    score = next((n for n in ("accuracy", "r2") if f"val/{n}" in values), "loss")
    parts = [f"loss {values['train/loss']:.4g}, val {values['val/loss']:.4g}"]
    if score != "loss":
        parts.append(f"{score} {values[f'train/{score}']:.4f}, val {values[f'val/{score}']:.4f}")
    return "  ".join([*parts, f"lr {values['lr']:.3g}"])


def run_result_line(ended: RunResult, described: str) -> str:
    """A run that is over, in a line."""
    parts = [f"run {ended.run.id}", described]
    parts.append(f"{ended.status}: {ended.reason}" if ended.reason else str(ended.status))
    if ended.selected_value is not None:
        metric = str(ended.run.trial.setting["objective"]).partition(":")[0]
        parts.append(f"{metric} {ended.selected_value:.4f} at epoch {ended.selected_epoch}")
    if ended.seconds is not None:
        parts.append(format_duration(ended.seconds))
    return "  ".join(parts)


class LinesView:
    """For pipes and logs: a line when a run ends, one now and then, or one for every epoch."""

    def __init__(self, describe: DescribeRun, *, every_epoch: bool = False) -> None:
        self._describe = describe
        self._every_epoch = every_epoch
        self._console = console()
        self._printed_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def on_run_start(self, run: Run, epoch: int) -> None:
        """Says where a run goes on from."""
        if epoch:
            self._say(f"run {run.id}  {self._describe(run)}  goes on after epoch {epoch}")

    def on_epoch_end(self, run: Run, epoch: Epoch) -> None:
        """Says the epoch when asked for, or when nothing was said for a while."""
        due = time.monotonic() - self._printed_at >= _SECONDS_BETWEEN_LINES
        if self._every_epoch or due:
            self._say(
                f"run {run.id}  epoch {epoch.number}/{run.epochs_planned}"
                f"  {metrics_line(epoch.values)}"
            )

    def on_note(self, run: Run, message: str) -> None:
        """Says it."""
        self._say(f"run {run.id}  note: {message}")

    def on_run_end(self, result: RunResult) -> None:
        """Says how the run ended, and what was found."""
        self._say(run_result_line(result, self._describe(result.run)))
        flags = table_findings(result.findings)
        for group in group_symptoms(result.findings):
            if group.finding in flags:
                self._say(f"  {group.finding.code} {group.finding.message}")

    def stopping(self) -> None:
        """Says that the epoch will be finished."""
        self._say("stopping after this epoch; once more stops at once")

    def _say(self, line: str) -> None:
        self._printed_at = time.monotonic()
        self._console.print(rich_text(line), soft_wrap=True)


class QuietView(LinesView):
    """Says nothing but what went wrong."""

    def on_run_start(self, run: Run, epoch: int) -> None:
        """Nothing."""

    def on_epoch_end(self, run: Run, epoch: Epoch) -> None:
        """Nothing."""

    def on_run_end(self, result: RunResult) -> None:
        """Says a failure."""
        if result.status is Status.FAILED:
            self._say(run_result_line(result, self._describe(result.run)))

    def stopping(self) -> None:
        """Nothing."""


class BarView(LinesView):
    """For a terminal: one bar over all epochs of all runs, ended runs as lines above it."""

    def __init__(
        self, describe: DescribeRun, *, runs: int, epochs: int, every_epoch: bool = False
    ) -> None:
        super().__init__(describe, every_epoch=every_epoch)
        self._runs, self._over = runs, 0
        self._left: dict[int, int] = {}
        self._title = "starting"
        self._bar, self._task = create_progress_bar(self._console, epochs)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def on_run_start(self, run: Run, epoch: int) -> None:
        """Names the run on the bar; what a resumed one has behind it counts as done."""
        super().on_run_start(run, epoch)
        self._left[run.id] = run.epochs_planned - epoch
        self._title = f"run {self._over + 1}/{self._runs} {self._describe(run)}"
        shown, _ = fit_bar_texts(self._title, "", self._console.width)
        self._bar.update(self._task, description=shown, advance=epoch - run.epochs)

    def on_epoch_end(self, run: Run, epoch: Epoch) -> None:
        """Moves the bar by an epoch."""
        self._left[run.id] -= 1
        shown, metrics = fit_bar_texts(self._title, metrics_line(epoch.values), self._console.width)
        self._bar.update(self._task, advance=1, description=shown, metrics=metrics)
        if self._every_epoch:
            super().on_epoch_end(run, epoch)

    def on_run_end(self, result: RunResult) -> None:
        """Counts the epochs that an early end spared."""
        self._over += 1
        spared = self._left.pop(result.run.id, result.run.epochs_planned - result.run.epochs)
        if result.status is not Status.INTERRUPTED:
            self._bar.update(self._task, advance=spared)
        super().on_run_end(result)


def fit_bar_texts(title: str, metrics: str, width: int) -> tuple[str, str]:
    """What a screen of so many cells has room for beside a bar, of its title and its metrics.

    Words of the title and whole metrics are left out at the end: rich would cut numbers.

    >>> bar_texts("run 1/4 opt=adam seed=0", "loss 0.25, val 0.5  accuracy 0.9, val 0.8", 80)
    ('run 1/4 opt=adam', 'loss 0.25, val 0.5')
    """
    room = max(width - _BAR_WIDTH, 0)
    shown = _leading_parts(
        title.split(" "), " ", min(_MAX_TITLE, max(room // 3, len("run 100/100")))
    )
    return shown, _leading_parts(metrics.split("  "), "  ", room - len(shown) - 1)


def _leading_parts(parts: Sequence[str], separator: str, width: int) -> str:
    """The parts at the beginning that fit."""
    count = next(
        (n for n in range(len(parts), 0, -1) if len(separator.join(parts[:n])) <= width), 0
    )
    return separator.join(parts[:count])


def create_progress_bar(screen: object, epochs: int) -> "tuple[Progress, TaskID]":
    """A bar over so many epochs, with a field `metrics` behind it; gone when it ends."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    assert isinstance(screen, Console)
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[metrics]}", markup=False),
        TimeRemainingColumn(compact=True),
        console=screen,
        refresh_per_second=_REFRESH_PER_SECOND,
        transient=True,
    )
    return bar, bar.add_task("starting", total=epochs, metrics="")
