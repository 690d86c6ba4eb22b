"""Bars on the screen for work whose size is known: bytes of files, rows of tables."""

from typing import TYPE_CHECKING, Literal

from nnlab.cli.output.render import console

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class ProgressBars:
    """A bar for each thing that is worked on, on standard error; none before the first step."""

    def __init__(self, unit: Literal["bytes", "rows"] = "bytes") -> None:
        self._unit = unit
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, name: str, done: int, total: int | None) -> None:
        """Moves the bar of a thing."""
        if self._progress is None:
            self._progress = self._made()
            self._progress.start()
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total)
        self._progress.update(self._tasks[name], completed=done)

    def stop(self) -> None:
        """Leaves the bars as they are."""
        if self._progress is not None:
            self._progress.stop()

    def _made(self) -> "Progress":
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        counted = DownloadColumn() if self._unit == "bytes" else MofNCompleteColumn()
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            counted,
            TimeRemainingColumn(),
        )
        return Progress(*columns, console=console(stderr=True))
