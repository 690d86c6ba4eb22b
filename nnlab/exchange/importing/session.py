"""An import of all logged runs in some paths, once or again and again while the logs grow."""

import gc
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nnlab import store
from nnlab.errors import Interrupted, NnlabError, StoreError
from nnlab.exchange.detection import find_runs, reader_of
from nnlab.exchange.importing.known_sources import KnownSources
from nnlab.exchange.importing.options import ImportOptions, ImportReport
from nnlab.exchange.importing.run_importer import RunImporter
from nnlab.exchange.log_reader import LoggedRun

# New runs are looked for this often, and at most for a tenth of the time.
_SECONDS_BETWEEN_SEARCHES = 10.0
_SEARCH_SHARE = 10
# The name of the study if the folder has none: the root of the file system.
_DEFAULT_STUDY = "imported"

# Sizes and times of the files of a run: unchanged files are not read again.
FileStates = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A logged run, and the name of the folder that was searched for it."""

    logged: LoggedRun
    folder: str


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """What to call while runs are imported.

    `on_run` is called with the number of runs that are done, `on_values` with the number of values
    that were stored since the last call. `should_stop` says whether the user wants to end.
    """

    on_run: Callable[[ImportReport], None]
    on_values: Callable[[int], None]
    should_stop: Callable[[], bool]


def find_all_runs(paths: Iterable[Path], kind: str | None = None) -> list[FoundRun]:
    """The logged runs in some paths; a run that is in two of them is found once.

    Raises:
        UnknownName: there is no such kind.
        DataError: a path does not exist or cannot be read.
    """
    logged_runs: list[FoundRun] = []
    searched: set[str] = set()
    for path in paths:
        folder = (path if path.is_dir() else path.absolute().parent).resolve().name
        new = [run for run in find_runs(path, kind) if not searched & _real_paths(run)]
        logged_runs += [FoundRun(run, folder or _DEFAULT_STUDY) for run in new]
        # Only now: one file may have several runs.
        searched.update(*map(_real_paths, new))
    return logged_runs


class ImportSession:
    """The importers of the runs of one command."""

    def __init__(
        self, db: store.Database, options: ImportOptions, progress: ImportProgress
    ) -> None:
        self._db, self._options, self._progress = db, options, progress
        self._sources_by_kind: dict[str, KnownSources] = {}
        self._removed = store.removed_run_ids(db)
        self._importers: dict[LoggedRun, RunImporter] = {}
        self._states: dict[LoggedRun, FileStates] = {}

    def import_runs(self, logged_runs: Iterable[FoundRun]) -> list[ImportReport]:
        """Imports each run as far as it is logged; the error of one does not stop the others.

        Raises:
            StoreError: the database cannot be written.
            Interrupted: the user has ended the import.
        """
        reports = []
        with _rare_collections():
            for item in logged_runs:
                report = self._import_run(item)
                self._progress.on_run(report)
                reports.append(report)
        return reports

    def follow(self, search: Callable[[], Sequence[FoundRun]], *, seconds: float) -> None:
        """Imports what is logged, until the user stops it.

        Args:
            search: finds the runs, also new ones.
            seconds: the time between two looks at the files.

        Raises:
            StoreError: the database cannot be written.
        """
        logged_runs: Sequence[FoundRun] = ()
        next_search = 0.0
        while not self._progress.should_stop():
            if time.monotonic() >= next_search:
                begin = time.monotonic()
                logged_runs = search()
                search_seconds = time.monotonic() - begin
                next_search = begin + max(_SECONDS_BETWEEN_SEARCHES, _SEARCH_SHARE * search_seconds)
            try:
                self.import_runs([item for item in logged_runs if self._has_changed(item.logged)])
            except Interrupted:
                return
            self._wait(seconds)

    def _wait(self, seconds: float) -> None:
        """Sleeps in short pieces, so that a signal ends it."""
        end = time.monotonic() + seconds
        while not self._progress.should_stop() and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.2))

    def _has_changed(self, logged: LoggedRun) -> bool:
        """Whether the files of a run were written since the last call."""
        states = _file_states(logged)
        if states is None:
            return True
        has_changed = states != self._states.get(logged)
        self._states[logged] = states
        return has_changed

    def _import_run(self, item: FoundRun) -> ImportReport:
        logged = item.logged
        stored_sources = self._sources_by_kind.get(logged.kind)
        if stored_sources is None:
            stored_sources = self._sources_by_kind[logged.kind] = KnownSources(
                store.sources_of_kind(self._db, logged.kind)
            )
        source = stored_sources.find(logged)
        if source is not None and source.run_id in self._removed:
            return ImportReport(logged, "removed", run_id=source.run_id)
        importer = self._importers.get(logged)
        if importer is None:
            importer = self._importers[logged] = RunImporter(
                self._db,
                reader_of(logged.kind),
                logged,
                self._options,
                known=stored_sources,
                folder=item.folder,
                on_values=self._progress.on_values,
                should_stop=self._progress.should_stop,
            )
        try:
            return importer.update()
        except (StoreError, Interrupted):
            raise
        except NnlabError as error:
            return ImportReport(logged, "failed", error=error.message)
        except Exception as error:  # noqa: BLE001  a reader that fails on one log skips only that
            return ImportReport(
                logged, "failed", error=f"internal error: {type(error).__name__}: {error}"
            )


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Lets Python search for cyclic garbage rarely.

    A batch has as many tuples as some hundred searches would go through, and none is cyclic: they
    would take a fifth of the time of an import.
    """
    thresholds = gc.get_threshold()
    gc.set_threshold(200_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


def _real_paths(logged: LoggedRun) -> set[str]:
    return {os.path.realpath(path) for path in logged.paths}


def _file_states(logged: LoggedRun) -> FileStates | None:
    """The states of the files of a run; None for a folder, whose files are not known here."""
    states = []
    for path in logged.paths:
        # SQLite appends to a second file for a while.
        for file in (path, path.with_name(f"{path.name}-wal")):
            try:
                status = file.stat()
            except OSError:
                states.append((-1, -1))
                continue
            if stat.S_ISDIR(status.st_mode):
                return None
            states.append((status.st_size, status.st_mtime_ns))
    return tuple(states)
