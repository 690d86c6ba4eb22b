"""Downloads of published data sets, with a bar on the screen while they run."""

from pathlib import Path

from nnlab.cli.output.progress_bars import ProgressBars
from nnlab.engine.data import fetch


def fetch_with_progress(name: str) -> tuple[Path, ...]:
    """Downloads a published set where this machine has it nowhere; a bar shows how far it is.

    Gives its files; none for a set that is not published.

    Raises:
        DataError: it cannot be downloaded; the message says where to put which files.
    """
    bars = ProgressBars()
    try:
        return fetch(name, bars)
    finally:
        bars.stop()
