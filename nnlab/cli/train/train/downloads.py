"""Downloads published data sets and shows a progress bar; used by train, verify and data."""

from collections.abc import Iterable
from pathlib import Path

from nnlab.catalogue import is_plugin_name
from nnlab.cli.output.progress_bars import ProgressBars
from nnlab.engine.data import fetch
from nnlab.records import Run


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


def fetch_data_of_runs(runs: Iterable[Run]) -> None:
    """Downloads the published data sets of runs that this machine does not have.

    A data set of a plugin is read by the plugin, which need not be installed here.
    """
    for name in dict.fromkeys(str(run.trial.setting["data"]) for run in runs):
        if not is_plugin_name("data", name):
            fetch_with_progress(name)
