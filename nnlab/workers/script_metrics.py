"""Where the metrics of a script come from if it does not call nnlab: its lines, or a log folder."""

import codecs
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from nnlab.records import Run, Sample
from nnlab.scripts.metric_lines import MetricLineParser
from nnlab.scripts.script_spec import ScriptSpec, fill_placeholders, placeholder_values

# The samples of one line or row, which are stored as one log call.
LoggedSamples = tuple[Sample, ...]


class MetricSource(Protocol):
    """Provides the samples of a running script."""

    def poll(self, output: bytes) -> Sequence[LoggedSamples]:
        """The new samples.

        Args:
            output: what the script has printed since the last call.
        """

    def finish(self) -> Sequence[LoggedSamples]:
        """The last samples, after the script has ended."""


class NoMetrics:
    """For a script that logs by itself."""

    def poll(self, output: bytes) -> Sequence[LoggedSamples]:
        """No samples."""
        del output
        return ()

    def finish(self) -> Sequence[LoggedSamples]:
        """No samples."""
        return ()


class LineMetrics:
    """Reads the metrics in the lines that a script prints."""

    def __init__(self, extra_names: tuple[str, ...] = ()) -> None:
        self._parser = MetricLineParser(extra_names)
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def poll(self, output: bytes) -> Sequence[LoggedSamples]:
        """The samples of the lines that are complete."""
        return self._with_time(self._parser.feed(self._decoder.decode(output)))

    def finish(self) -> Sequence[LoggedSamples]:
        """The samples of the last line, which may have no end."""
        text = self._decoder.decode(b"", final=True)
        return self._with_time([*self._parser.feed(text), *self._parser.finish()])

    @staticmethod
    def _with_time(lines: Sequence[LoggedSamples]) -> list[LoggedSamples]:
        now = time.time()
        return [tuple(sample._replace(time=now) for sample in line) for line in lines]


class HeldLineMetrics(LineMetrics):
    """The same for a script that may still call `nnlab.init`: its lines count if it does not."""

    def __init__(self, extra_names: tuple[str, ...] = ()) -> None:
        super().__init__(extra_names)
        self._held: list[LoggedSamples] = []

    def poll(self, output: bytes) -> Sequence[LoggedSamples]:
        """No samples yet."""
        self._held += super().poll(output)
        return ()

    def finish(self) -> Sequence[LoggedSamples]:
        """All samples."""
        return [*self._held, *super().finish()]


def create_metric_source(
    spec: ScriptSpec, run: Run, folder: Path, extra_names: tuple[str, ...]
) -> MetricSource:
    """The source of the metrics of a run.

    Args:
        spec: the script.
        run: the run.
        folder: the folder of the run's files.
        extra_names: names that are metrics in any line, such as that of the objective.

    Raises:
        UsageError: a placeholder of the log folder has no value.
    """
    match spec.metrics:
        case "lines":
            return LineMetrics(extra_names)
        case "auto":
            return HeldLineMetrics(extra_names)
        case "none":
            return NoMetrics()
    # Imported only here: the readers of all kinds of logs take time to import.
    from nnlab.workers.log_folder_metrics import LogFolderMetrics

    values = placeholder_values(run.trial.setting, run.known_seed, folder)
    path = Path(spec.folder, fill_placeholders(spec.metrics, values))
    return LogFolderMetrics(path, folder)
