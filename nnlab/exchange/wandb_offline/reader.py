"""The reader of W&B's .wandb files, which it writes offline and while a run is synchronised."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from nnlab.errors import DataError
from nnlab.exchange.batching import batches_of
from nnlab.exchange.file_offsets import FileOffsets, read_head
from nnlab.exchange.log_files import files_below, relative_id
from nnlab.exchange.log_reader import (
    Audit,
    LoggedRun,
    LogItem,
    Position,
    ReadPosition,
    Restart,
)
from nnlab.exchange.metric_table import MetricNames, clean_text, number_of
from nnlab.exchange.protobuf import MalformedMessage, read_fields, read_varint, to_bytes, to_text
from nnlab.exchange.wandb_offline.block_log import HEADER, read_records
from nnlab.exchange.wandb_offline.history import HistoryDecoder
from nnlab.exchange.wandb_offline.items import decode_key, decode_value
from nnlab.exchange.wandb_offline.run_record import RUN, RUN_FIELDS, RunRecord, seconds_of
from nnlab.io.files import open_regular
from nnlab.records import Sample

_SUFFIX = ".wandb"
_FILE_NAME = re.compile(r"run-(.+)\.wandb")
_HISTORY, _STATS = 2, 7
# The start of a file: the version of W&B, then the run.
_FIRST_RECORDS = 10
# Names of what the machine was doing; nnlab's own measurements have the same prefix.
_SYSTEM = "system/"


class WandbOfflineReader:
    """Reads the history, configuration and summary of W&B runs; files of one run id are one run."""

    @property
    def kind(self) -> str:
        """The name of the format."""
        return "wandb"

    def find(self, path: Path) -> Iterable[LoggedRun]:
        """The runs in a .wandb file or below a folder; the link `latest-run` is not followed."""
        names: dict[str, str] = {}
        paths: dict[str, list[Path]] = {}
        if path.is_file():
            path = path.resolve()  # a link that the user names is followed
        for file in files_below(path, lambda name: name.endswith(_SUFFIX)):
            start = _look_at_start(file)
            if start is not None:
                external_id = start.run_id or _id_in_name(file) or relative_id(file, path)
                names[external_id] = start.name or names.get(external_id, external_id)
                paths.setdefault(external_id, []).append(file)
        for external_id, files in paths.items():
            # Folders begin with the time: a resumed run has several.
            files.sort(key=lambda file: (_time_in_name(file), file))
            yield LoggedRun(self.kind, external_id, names[external_id], tuple(files))

    def read(self, run: LoggedRun, position: Position | None, audit: Audit) -> Iterator[LogItem]:
        """The content of a run from a position on.

        Raises:
            DataError: none of the files can be read.
        """
        reading = _WandbReading(run.paths, position or {}, audit)
        try:
            is_valid = reading.offsets.are_valid(run.paths)
        except OSError as error:
            raise DataError(f"'{run.name}' cannot be read: {error.strerror}") from error
        if not is_valid:
            reading = _WandbReading(run.paths, {}, audit)
            yield Restart()
        batches = reading.batches()
        # The run and its configuration are at the start.
        first = next(batches, [])
        yield reading.record.details(run.name)
        yield from batches_of(chain(first, chain.from_iterable(batches)))
        yield reading.record.details(run.name)
        yield ReadPosition(reading.position())


class _WandbReading:
    """One reading of the files of a run."""

    def __init__(self, paths: Sequence[Path], position: Position, audit: Audit) -> None:
        self._paths, self._audit = paths, audit
        self.offsets = FileOffsets.restore(position.get("files"))
        self._history = HistoryDecoder(audit, position.get("history"))
        self.record = RunRecord.restore(position.get("run"), self._history, audit)
        self._metrics = MetricNames(audit)

    def position(self) -> Position:
        """Where the next reading goes on."""
        return {
            "files": self.offsets.state(),
            "history": self._history.state(),
            "run": self.record.state(),
        }

    def batches(self) -> Iterator[list[Sample]]:
        """The samples of all files in order.

        Raises:
            DataError: a file cannot be read, or is no .wandb file.
        """
        for path in self._paths:
            offset = self.offsets.get(path)
            try:
                head = read_head(path)
                with open_regular(path, follow_links=False) as file:
                    if not _has_header(file.read(len(HEADER))):
                        raise DataError(f"'{path}' is no file of W&B")
                    for records, end in read_records(file, max(offset, len(HEADER)), self._audit):
                        samples = [s for record in records for s in self._decode(record)]
                        self.offsets.set(path, head, end)
                        yield samples
            except OSError as error:
                raise DataError(f"'{path}' cannot be read: {error.strerror}") from error

    def _decode(self, record: bytes) -> Sequence[Sample]:
        try:
            for number, content in _record_fields(record):
                if number == _HISTORY:
                    return self._history.decode(to_bytes(content))
                if number == _STATS:
                    return list(self._system_samples(to_bytes(content)))
                if number in RUN_FIELDS:
                    self.record.add(number, to_bytes(content))
                    break
        except MalformedMessage:
            self._audit.add("malformed", "records that cannot be decoded are left out")
        return ()

    def _system_samples(self, data: bytes) -> Iterator[Sample]:
        """The usage of CPU, GPU and memory at one time."""
        time: float | None = None
        items = []
        for number, _, content in read_fields(data):
            if number == 2:
                time = seconds_of(to_bytes(content))
            elif number == 3:
                items.append(to_bytes(content))
        for item in items:
            value = number_of(decode_value(item, self._audit))
            name = self._metrics.get(_SYSTEM + ".".join(decode_key(item)))
            if value is not None and name is not None:
                yield Sample(name, value, time=time)


def _record_fields(record: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a record; the usual order, its number and then its content, is fast."""
    if record[:1] == b"\x08" and len(record) > 4:
        position = 2
        while record[position - 1] >= 0x80 and position < len(record) - 2:
            position += 1
        if record[position] in (0x12, 0x1A):  # history, summary
            size, start = read_varint(record, position + 1)
            if size > len(record) - start:
                raise MalformedMessage("a field is longer than its message")
            yield record[position] >> 3, record[start : start + size]
            return
    for number, _, content in read_fields(record):
        yield number, content


@dataclass(frozen=True, slots=True)
class _FileStart:
    """The id and the name of a run, empty if the file does not have them yet."""

    run_id: str = ""
    name: str = ""


def _look_at_start(path: Path) -> _FileStart | None:
    """The start of a file; None if it is no file of W&B."""
    try:
        with open_regular(path, follow_links=False) as file:
            if not _has_header(file.read(len(HEADER))):
                return None
            batch, _ = next(read_records(file, len(HEADER), Audit(), block_count=1), ([], 0))
        for record in islice(batch, _FIRST_RECORDS):
            for number, _, content in read_fields(record):
                if number == RUN:
                    texts = {
                        n: to_text(c) for n, _, c in read_fields(to_bytes(content)) if n in (1, 8)
                    }
                    cleaned = {n: clean_text(text, Audit()) for n, text in texts.items()}
                    return _FileStart(cleaned.get(1, ""), cleaned.get(8, ""))
    except MalformedMessage:
        return _FileStart()
    except OSError:
        return None
    return _FileStart()


def _has_header(start: bytes) -> bool:
    """Whether a file begins as those of W&B do; one that was just created may be shorter."""
    return bool(start) and HEADER.startswith(start)


def _id_in_name(file: Path) -> str | None:
    match = _FILE_NAME.fullmatch(file.name)
    return match and match[1]


def _time_in_name(file: Path) -> str:
    """The time in the name of a folder such as `offline-run-20250131_120000-id`."""
    return file.parent.name.removeprefix("offline-")
