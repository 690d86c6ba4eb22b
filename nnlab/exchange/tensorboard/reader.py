"""The reader of TensorBoard's event files."""

import heapq
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from nnlab.errors import DataError
from nnlab.exchange.file_offsets import read_head
from nnlab.exchange.log_reader import (
    SAMPLES_PER_BATCH,
    Audit,
    LoggedRun,
    LogItem,
    Position,
    ReadPosition,
    Restart,
    RunDetails,
    SampleBatch,
)
from nnlab.exchange.log_times import utc_time
from nnlab.exchange.metric_table import MetricNames
from nnlab.exchange.seed_of_config import seed_of_config
from nnlab.exchange.tensorboard.events import EventDecoder
from nnlab.exchange.tensorboard.folders import (
    SPLIT_FOLDERS,
    event_files,
    group_folders,
    is_group_member,
    look_at_start,
    time_order,
)
from nnlab.exchange.tensorboard.progress import ReadingProgress
from nnlab.exchange.tensorboard.record_file import read_records
from nnlab.io.files import open_regular
from nnlab.records import Sample, Status

KIND = "tensorboard"
# Folders of one run are read together, each with an open file; with more, one after another.
_MOST_OPEN_FILES = 64
_MOST_RESULTS = 10_000
# A run that logs longer than this after it has ended goes on: Lightning writes both at the start.
_SECONDS_AFTER_END = 1.0
# Keras writes `epoch_*` after each epoch, and repeats the values of the validation over batches.
_KERAS_FOLDERS = ("train", "validation")
_KERAS_EPOCH_METRICS = ("train/epoch_", "validation/epoch_")
_KERAS_REPETITION = re.compile(r"evaluation_.+_vs_iterations")
_HOST = re.compile(r"tfevents\.\d+\.(.+?)(?:\.\d+)*(?:\.v2)?$")


class TensorBoardReader:
    """Reads the scalars and hyperparameters of event files, which any program may have written."""

    @property
    def kind(self) -> str:
        """The name of the format."""
        return KIND

    def find(self, path: Path) -> Iterable[LoggedRun]:
        """The runs in an event file or below a folder, named after their folders.

        Folders of one run are one run: `train` and `validation`, and those in which
        SummaryWriter.add_scalars and add_hparams store their values.
        """
        if path.is_file():
            file = path.resolve()  # a link that the user names is followed
            if look_at_start(file).time is not None:
                yield _logged_run(file.parent.name, [file])
            return
        runs = group_folders(path, event_files(path))
        for folder, paths in sorted(runs.items()):
            name = folder.relative_to(path).as_posix() if folder != path else path.resolve().name
            yield _logged_run(name, paths)

    def read(self, run: LoggedRun, position: Position | None, audit: Audit) -> Iterator[LogItem]:
        """The content of a run from a position on.

        Raises:
            DataError: none of the files can be read.
        """
        progress = ReadingProgress.restore(position)
        paths = [path for path in run.paths if _is_readable(path, audit)]
        if not paths:
            raise DataError(f"the event files of '{run.name}' cannot be read")
        if not progress.offsets.are_valid(paths):
            progress = ReadingProgress()
            yield Restart()
        reading = _EventReading(run, paths, progress, audit)
        yield from reading.items()


class _EventReading:
    """One reading of the files of a run."""

    def __init__(
        self, run: LoggedRun, paths: Sequence[Path], progress: ReadingProgress, audit: Audit
    ) -> None:
        self._run, self._progress, self._audit = run, progress, audit
        self._folders: dict[Path, list[Path]] = {}
        for path in paths:
            self._folders.setdefault(path.parent, []).append(path)
        self._names = MetricNames(audit)

    def items(self) -> Iterator[LogItem]:
        """The details, the samples in the order of time, the final details, and the position."""
        streams = [self._read_folder(folder) for folder in self._folders]
        if len(streams) <= _MOST_OPEN_FILES:
            # Hyperparameters are at the start, and are wanted before the first sample.
            firsts = [next(stream, []) for stream in streams]
            self._check_is_log()
            samples = _merge(
                [
                    chain(first, chain.from_iterable(stream))
                    for first, stream in zip(firsts, streams, strict=True)
                ]
            )
        else:
            samples = chain.from_iterable(chain.from_iterable(streams))
        yield self._details()
        while batch := list(islice(samples, SAMPLES_PER_BATCH)):
            if count := self._progress.count_steps_back(batch):
                self._audit.add("purged", "a metric went on at an earlier step", count)
            yield SampleBatch(batch)
        yield self._details()
        yield ReadPosition(self._progress.position())

    def _read_folder(self, folder: Path) -> Iterator[list[Sample]]:
        """The samples of the files of a folder, file after file."""
        paths = self._folders[folder]
        keep_as_results = self._is_session(folder)
        is_keras = folder.name in _KERAS_FOLDERS
        decoder = EventDecoder(
            self._name_function(folder), self._progress.hyperparameters, self._audit
        )
        for path in paths:
            for samples in self._read_file(path, decoder):
                if keep_as_results:
                    self._add_results(samples)
                elif samples:
                    yield [_with_epoch(s) for s in samples] if is_keras else samples

    def _read_file(self, path: Path, decoder: EventDecoder) -> Iterator[list[Sample]]:
        progress = self._progress
        offset = progress.offsets.get(path)
        try:
            head = read_head(path)
            with open_regular(path, follow_links=False) as file:
                for records, end in read_records(file, offset, self._audit):
                    samples = decoder.decode(records)
                    progress.offsets.set(path, head, end)
                    progress.add_times(decoder.first_time, decoder.last_time)
                    yield samples
        except OSError as error:
            self._audit.add("unreadable", f"a file cannot be read: {error.strerror}")

    def _check_is_log(self) -> None:
        """Raises an error if the first bytes are not those of an event file."""
        is_damaged = any(note.code == "damaged" for note in self._audit.notes)
        if is_damaged and self._progress.last_time is None:
            raise DataError(
                f"the event files of '{self._run.name}' are damaged from the beginning, or not"
                " TensorBoard's"
            )

    def _ancestor(self, folder: Path) -> Path | None:
        return next((parent for parent in folder.parents if parent in self._folders), None)

    def _is_session(self, folder: Path) -> bool:
        """Whether the folder has the hyperparameters and final values of the run above it."""
        first = self._folders[folder][0]
        return self._ancestor(folder) is not None and look_at_start(first).has_hyperparameters

    def _name_function(self, folder: Path) -> Callable[[str], str | None]:
        """How tags in the files of a folder are named."""
        ancestor = self._ancestor(folder)
        group = None if ancestor is None else folder.relative_to(ancestor)
        splits = (f for f in (folder, *folder.parents) if f in self._folders)
        split = next((f.name for f in splits if f.name in SPLIT_FOLDERS), None)

        def name_of(tag: str) -> str | None:
            if tag.startswith("_hparams_/"):
                return None
            if split == "validation" and _KERAS_REPETITION.fullmatch(tag):
                self._audit.add("not-imported", "evaluation_..._vs_iterations repeats epoch_...")
                return None
            if group is not None and is_group_member(tag, group):
                # The tag is `loss`, and the folder `loss_train`.
                tag = f"{tag}/{group.as_posix()[len(tag) + 1 :]}"
            return self._names.get(tag if split is None else f"{split}/{tag}")

        return name_of

    def _add_results(self, samples: Iterable[Sample]) -> None:
        for sample in samples:
            if len(self._progress.results) < _MOST_RESULTS:
                self._progress.results[sample.metric] = sample.value

    def _details(self) -> RunDetails:
        progress = self._progress
        parameters = progress.hyperparameters
        status = parameters.status
        if (
            parameters.end_logged_at is not None
            and progress.last_time is not None
            and progress.last_time > parameters.end_logged_at + _SECONDS_AFTER_END
        ):
            status = Status.RUNNING
        started_at = utc_time(parameters.started_at) or utc_time(progress.first_time)
        ended_at = utc_time(parameters.ended_at) or utc_time(progress.last_time)
        host = _HOST.search(self._run.paths[0].name)
        return RunDetails(
            name=self._run.name,
            config=dict(parameters.config),
            group=parameters.group,
            started_at=started_at,
            ended_at=None if status is Status.RUNNING else ended_at,
            status=status,
            results=dict(progress.results),
            seed=seed_of_config(parameters.config),
            host=host and host.group(1),
        )


def _logged_run(name: str, paths: Iterable[Path]) -> LoggedRun:
    """A run, identified by the name and first event of its first file, which copies keep."""
    ordered = sorted(paths, key=lambda path: (path.parent, time_order(path)))
    first = min(ordered, key=lambda path: (time_order(path), path))
    time = look_at_start(first).time
    external_id = name if time is None else f"{first.name}@{time!r}"
    return LoggedRun(KIND, external_id, name, tuple(ordered))


def _is_readable(path: Path, audit: Audit) -> bool:
    try:
        with open_regular(path, follow_links=False):
            return True
    except OSError as error:
        audit.add("unreadable", f"a file cannot be read: {error.strerror}")
        return False


def _with_epoch(sample: Sample) -> Sample:
    """A sample of Keras, whose steps of `epoch_loss` are epochs counted from 0."""
    if sample.step is None or not sample.metric.startswith(_KERAS_EPOCH_METRICS):
        return sample
    return sample._replace(step=None, epoch=float(sample.step + 1))


def _merge(streams: Sequence[Iterator[Sample]]) -> Iterator[Sample]:
    """The samples of several folders in the order of their wall times."""
    if len(streams) == 1:
        return iter(streams[0])
    return heapq.merge(*streams, key=lambda sample: sample.time or 0.0)
