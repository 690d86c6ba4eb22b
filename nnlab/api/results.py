"""`Results`: an open results database, as `nnlab.open` returns it."""

from collections.abc import Sequence
from typing import Self

from nnlab import store
from nnlab.analysis.diagnosis import diagnose_runs
from nnlab.analysis.gate import ledger_rows
from nnlab.analysis.records import EpochChoice
from nnlab.analysis.run_overview import RunOverview, load_run_overviews, overviews_of_runs
from nnlab.analysis.scope import resolve_scope
from nnlab.analysis.trial_diff import scope_of_two_trials
from nnlab.api.argument_checks import check_arguments
from nnlab.api.comparison import IntervalName, PairedTestName, compare_scope, ranking_request
from nnlab.api.error_hints import hints_in_tracebacks
from nnlab.api.ranking_table import RankingTable
from nnlab.api.references import Reference, RunReference, find_run, reference_word
from nnlab.api.result_tables import FindingTable, LedgerTable, RunTable, StudyTable
from nnlab.api.run_history import RunHistory
from nnlab.api.table_text import one_line
from nnlab.errors import UsageError
from nnlab.records import Status, Study
from nnlab.study.database import opening_notes, unreadable_rows_note


class Results:
    """A results database, open for reading; a context manager that closes it.

    Threads may share it. Every call reads what is stored at that moment, so that runs can be
    followed while they are trained.
    """

    def __init__(self, database: store.Database) -> None:
        self._database: store.Database | None = database
        self._shown = database.address.display_name

    def __repr__(self) -> str:
        state = "" if self._database is not None else " (closed)"
        return f"<results in {one_line(self._shown)}{state}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the database; closing it twice is no error."""
        database, self._database = self._database, None
        if database is not None:
            database.close()

    @property
    def notes(self) -> tuple[str, ...]:
        """What should be known about the database: a newer version wrote it, rows are damaged."""
        unreadable = unreadable_rows_note(self._db)
        return opening_notes(self._db) + ((unreadable,) if unreadable is not None else ())

    @hints_in_tracebacks()
    def studies(self) -> StudyTable:
        """All studies with their progress, oldest first, as `nnlab studies` lists them.

        Raises:
            StoreError: the database cannot be read.
        """
        return StudyTable(store.study_overviews(self._db))

    @hints_in_tracebacks()
    def runs(
        self,
        study: str | Study | store.StudyOverview | None = None,
        *,
        status: Status | str | None = None,
        tag: str | None = None,
        removed: bool = False,
        limit: int | None = None,
    ) -> RunTable:
        """The runs that meet all conditions, newest first, as `nnlab ls` lists them.

        Args:
            study: the study of the runs.
            status: `queued`, `running`, `finished`, `interrupted`, `diverged` or `failed`.
            tag: one of the run's tags.
            removed: whether to list removed runs only, instead of runs that were not removed.
            limit: the maximum number of runs; all by default.

        Raises:
            UnknownName: there is no such study or status.
            ConfigError: an argument has another type.
            StoreError: the database cannot be read.
        """
        check_arguments(
            counts={"limit": limit},
            texts={"status": status, "tag": tag},
            switches={"removed": removed},
        )
        if isinstance(study, store.StudyOverview):
            study = study.study
        name = study.name if isinstance(study, Study) else study
        check_arguments(texts={"study": name})
        return RunTable(
            load_run_overviews(
                self._db, study=name, status=status, tag=tag, removed=removed, limit=limit
            )
        )

    @hints_in_tracebacks()
    def run(self, run: RunReference) -> RunOverview:
        """A run with the summaries of its metrics and its stored findings.

        Args:
            run: its number, its name, or a record of it.

        Raises:
            UnknownName: there is no such run.
            UsageError: the name stands for several runs.
            StoreError: the database cannot be read.
        """
        (overview,) = overviews_of_runs(self._db, [find_run(self._db, run)])
        return overview

    @hints_in_tracebacks()
    def history(self, run: RunReference) -> RunHistory:
        """All curves of a run, as `nnlab show --curves` prints them.

        Args:
            run: its number, its name, or a record of it.

        Raises:
            UnknownName: there is no such run.
            UsageError: the name stands for several runs.
            StoreError: the database cannot be read.
        """
        record = find_run(self._db, run)
        return RunHistory(store.history(self._db, record.id).curves, run=record)

    @hints_in_tracebacks()
    def compare(
        self,
        *names: Reference,
        by: str | None = None,
        at: EpochChoice = "best",
        top: int | None = None,
        group_by: str | Sequence[str] = (),
        interval: IntervalName = "t",
        test: PairedTestName = "t",
        mixed: bool = False,
    ) -> RankingTable:
        """The ranking of trials, aggregated over seeds, as `nnlab compare` prints it.

        Args:
            names: studies, or runs by number, name or record; by default all runs.
            by: the metric to rank by; by default the objective of the study.
            at: the epoch of the values: `best` (of each run), `last`, or a number.
            top: the maximum number of rows; all by default.
            group_by: fields of a setting; trials that agree in all of them form one row.
            interval: how the 95 % intervals are computed.
            test: how trials with shared seeds are compared.
            mixed: rank runs together even if they are not comparable.

        Raises:
            UnknownName: a name is neither a study nor a run, no run has the metric, or no trial
                the field.
            UsageError: an option is not valid.
            StoreError: the database cannot be read.
        """
        request = ranking_request(
            by=by, at=at, top=top, group_by=group_by, interval=interval, test=test, mixed=mixed
        )
        scope = resolve_scope(self._db, [reference_word(name) for name in names])
        # As on the command line, two runs stand for all seeds of their trials.
        return compare_scope(self._db, scope_of_two_trials(self._db, scope) or scope, request)

    @hints_in_tracebacks()
    def findings(self, run: RunReference) -> FindingTable:
        """The findings of a run, computed from its curves as `nnlab diagnose` does.

        Args:
            run: its number, its name, or a record of it.

        Raises:
            UnknownName: there is no such run.
            UsageError: the name stands for several runs.
            StoreError: the database cannot be read.
        """
        record = find_run(self._db, run)
        return FindingTable(diagnose_runs(self._db, [record]).by_run[record.id])

    @hints_in_tracebacks()
    def ledger(self, study: str | Study | store.StudyOverview | None = None) -> LedgerTable:
        """The candidates that `nnlab gate` has tested, as `nnlab gate --ledger` lists them.

        Args:
            study: the study of the ledger; all ledgers by default.

        Raises:
            UnknownName: there is no such study.
            ConfigError: the study is of another type.
            StoreError: the database cannot be read.
        """
        if isinstance(study, store.StudyOverview):
            study = study.study
        name = study.name if isinstance(study, Study) else study
        check_arguments(texts={"study": name})
        ids = None if name is None else [store.find_study(self._db, name).id]
        return LedgerTable(ledger_rows(self._db, store.ledger(self._db, ids)))

    @property
    def _db(self) -> store.Database:
        if self._database is None:
            raise UsageError(f"{self._shown} is closed", hint="nnlab.open(...) opens it again")
        return self._database
