"""Which event files belong to one run, and what the name of their folder adds to a tag."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from nnlab.exchange.log_files import folders_below
from nnlab.exchange.log_reader import Audit
from nnlab.exchange.protobuf import MalformedMessage, read_fields, to_bytes, to_double, to_text
from nnlab.exchange.tensorboard.record_file import read_records
from nnlab.io.files import open_regular

# Folders of one run that writers name after the split: Keras, Estimator, and tutorials.
SPLIT_FOLDERS = frozenset({"train", "training", "validation", "val", "valid", "eval", "test"})
_EVENT_FILE = "tfevents"
_HYPERPARAMETER_TAG = "_hparams_/"
_NUMBER = re.compile(r"(\d+)")
# Enough for the version of a file and its first value.
_FIRST_BYTES = 2048


@dataclass(frozen=True, slots=True)
class FileStart:
    """The wall time of the first event of a file and the tag of the first value, if it has them."""

    time: float | None
    tag: str | None

    @property
    def has_hyperparameters(self) -> bool:
        """Whether the file begins with hyperparameters, as SummaryWriter.add_hparams writes it."""
        return self.tag is not None and self.tag.startswith(_HYPERPARAMETER_TAG)


def event_files(folder: Path) -> Mapping[Path, Sequence[Path]]:
    """The event files anywhere below a folder by their folder, in the order of time.

    Symbolic links are not followed: what they lead to is elsewhere, or is read anyway.
    """
    files: dict[Path, Sequence[Path]] = {}
    for parent, names in folders_below(folder):
        paths = [parent / name for name in names if _EVENT_FILE in name]
        if paths:
            files[parent] = sorted(paths, key=time_order)
    return files


def time_order(path: Path) -> tuple[object, ...]:
    """A sort key: names of event files contain the time, the process and a counter."""
    pieces = _NUMBER.split(path.name)
    return (*(int(p) if i % 2 else p for i, p in enumerate(pieces)),)


def group_folders(
    root: Path, files: Mapping[Path, Sequence[Path]]
) -> Mapping[Path, Sequence[Path]]:
    """The event files of each run by the folder of the run.

    Args:
        root: the folder that is searched.
        files: the event files by folder.
    """
    parents = {folder: _nearest_ancestor(folder, files) for folder in files}
    starts = {
        folder: look_at_start(files[folder][0])
        for folder, parent in parents.items()
        if parent is not None
    }
    # With several, one writer recorded several trials; each is a run of its own.
    sessions = Counter(parents[f] for f, start in starts.items() if start.has_hyperparameters)
    run_of: dict[Path, Path] = {}
    for folder in files:  # parents come first
        parent = parents[folder]
        if folder.name in SPLIT_FOLDERS and folder != root:
            run_of[folder] = folder.parent if parent != folder.parent else run_of[folder.parent]
        elif parent is not None and (
            (starts[folder].has_hyperparameters and sessions[parent] == 1)
            or is_group_member(starts[folder].tag, folder.relative_to(parent))
        ):
            run_of[folder] = run_of[parent]
        else:
            run_of[folder] = folder
    runs: dict[Path, list[Path]] = {}
    for folder, run in run_of.items():
        if sessions[folder] > 1 and look_at_start(files[folder][-1]).tag is None:
            continue  # the writer's own file has no values
        runs.setdefault(run, []).extend(files[folder])
    return runs


def _nearest_ancestor(folder: Path, files: Iterable[Path]) -> Path | None:
    return next((parent for parent in folder.parents if parent in files), None)


def is_group_member(tag: str | None, folder: Path) -> bool:
    """Whether SummaryWriter.add_scalars wrote a tag to this folder below that of its writer.

    >>> is_group_member("loss/all", Path("loss_all_train")), is_group_member("loss", Path("b"))
    (True, False)
    """
    return tag is not None and folder.as_posix().startswith(f"{tag.replace('/', '_')}_")


def look_at_start(path: Path) -> FileStart:
    """The start of an event file; both values are None if it cannot be read."""
    time: float | None = None
    try:
        with open_regular(path, follow_links=False) as file:
            batches = islice(read_records(file, 0, Audit(), chunk=_FIRST_BYTES), 2)
            records = [record for batch, _ in batches for record in batch]
        for record in records:
            for number, _, content in read_fields(record):
                if number == 1 and time is None:
                    time = to_double(content)
                elif number == 5:
                    return FileStart(time, _first_tag(to_bytes(content)))
    except (OSError, MalformedMessage):
        pass
    return FileStart(time, None)


def _first_tag(summary: bytes) -> str | None:
    for number, _, value in read_fields(summary):
        if number == 1:
            for inner, _, content in read_fields(to_bytes(value)):
                if inner == 1:
                    return to_text(content)
    return None
