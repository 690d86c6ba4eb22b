"""Downloads published data sets and shows a progress bar; used by train, verify and data."""

from pathlib import Path

from nnlab.cli.output.progress_bars import ProgressBars
from nnlab.engine.data import fetch


def fetch_with_progress(name: str) -> tuple[Path, ...]:
    """Downloads a published data set unless this machine has it, and shows a progress bar.

    Returns:
        The files of the data set; none if it is not a published one.

    Raises:
        DataError: the download failed; the message says where to put which files.
    """
    bars = ProgressBars()
    try:
        return fetch(name, bars)
    finally:
        bars.stop()
