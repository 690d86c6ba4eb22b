"""Downloads of published data sets, with a bar on the screen while they run."""

from pathlib import Path
from typing import TYPE_CHECKING

from nnlab.cli.render import console
from nnlab.engine.data import fetch

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


def fetched(name: str) -> tuple[Path, ...]:
    """Downloads a published set where this machine has it nowhere; a bar shows how far it is.

    Gives its files; none for a set that is not published.

    Raises:
        DataError: it cannot be downloaded; the message says where to put which files.
    """
    bars = Bars()
    try:
        return fetch(name, bars)
    finally:
        bars.stop()


class Bars:
    """A bar a file, on standard error; there is none before the first byte."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, file: str, done: int, total: int | None) -> None:
        """Moves the bar of a file."""
        if self._progress is None:
            self._progress = _progress()
            self._progress.start()
        if file not in self._tasks:
            self._tasks[file] = self._progress.add_task(file, total=total)
        self._progress.update(self._tasks[file], completed=done)

    def stop(self) -> None:
        """Leaves the bars as they are."""
        if self._progress is not None:
            self._progress.stop()


def _progress() -> "Progress":
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    return Progress(*columns, TimeRemainingColumn(), console=console(stderr=True))
