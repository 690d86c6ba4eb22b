"""Progress bars for downloads (bytes) and copied tables (rows)."""

from typing import TYPE_CHECKING, Literal

from nnlab.cli.output.render import console

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class ProgressBars:
    """One bar per file or table on standard error; the first step displays them."""

    def __init__(self, unit: Literal["bytes", "rows"] = "bytes") -> None:
        self._unit = unit
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, name: str, done: int, total: int | None) -> None:
        """Updates the bar of a file or table.

        Args:
            name: label of the bar.
            done: bytes or rows that are finished.
            total: all bytes or rows; None if unknown.
        """
        if self._progress is None:
            self._progress = self._create_progress()
            self._progress.start()
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total)
        self._progress.update(self._tasks[name], completed=done)

    def stop(self) -> None:
        """Stops updating; the bars remain on the screen."""
        if self._progress is not None:
            self._progress.stop()

    def _create_progress(self) -> "Progress":
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        counter = DownloadColumn() if self._unit == "bytes" else MofNCompleteColumn()
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            counter,
            TimeRemainingColumn(),
        )
        return Progress(*columns, console=console(stderr=True))
