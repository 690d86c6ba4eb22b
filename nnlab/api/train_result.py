"""`TrainResult`: the runs of a call of `nnlab.train`."""

from collections.abc import Sequence
from contextlib import closing

from nnlab import store
from nnlab.analysis.records import EpochChoice
from nnlab.analysis.run_overview import RunOverview, overviews_of_runs
from nnlab.analysis.scope import scope_of_runs
from nnlab.api.comparison import IntervalName, PairedTestName, compare_scope, ranking_request
from nnlab.api.error_hints import hints_in_tracebacks
from nnlab.api.open import open_results_database
from nnlab.api.ranking_table import RankingTable
from nnlab.api.result_tables import RunTable
from nnlab.api.results import Results


class TrainResult(RunTable):
    """The runs of a call, as they were at its end: those trained, and those trained before.

    Attributes:
        study: the name of their study.
        notes: what the user should know about the call.
    """

    def __init__(
        self,
        runs: Sequence[RunOverview],
        study: str,
        address: store.Address,
        notes: Sequence[str] = (),
    ) -> None:
        super().__init__(runs)
        self.study = study
        self.notes = tuple(notes)
        self._shown = address.display_name
        # Absolute: the working folder may change before the result is used.
        is_file = isinstance(address, store.FileAddress)
        self._target = address.portable_target if is_file else address.target

    @property
    def ids(self) -> tuple[int, ...]:
        """The numbers of the runs."""
        return tuple(run.id for run in self)

    @hints_in_tracebacks()
    def open(self) -> Results:
        """Opens the database of the runs for reading.

        Raises:
            StoreError: it cannot be read.
        """
        return open_results_database(self._target)

    @hints_in_tracebacks()
    def runs(self) -> RunTable:
        """The runs as they are now.

        Raises:
            StoreError: the database cannot be read.
        """
        with closing(store.open_database(self._target, write=False)) as database:
            return RunTable(overviews_of_runs(database, store.runs(database, run_ids=self.ids)))

    @hints_in_tracebacks()
    def compare(
        self,
        *,
        by: str | None = None,
        at: EpochChoice = "best",
        top: int | None = None,
        group_by: str | Sequence[str] = (),
        interval: IntervalName = "t",
        test: PairedTestName = "t",
        mixed: bool = False,
    ) -> RankingTable:
        """The ranking of the runs of this call; the arguments are those of `Results.compare`.

        Raises:
            UnknownName: no run has the metric, or no trial the field.
            UsageError: an option is not valid.
            StoreError: the database cannot be read.
        """
        request = ranking_request(
            by=by, at=at, top=top, group_by=group_by, interval=interval, test=test, mixed=mixed
        )
        with closing(store.open_database(self._target, write=False)) as database:
            runs = store.runs(database, run_ids=self.ids)
            return compare_scope(database, scope_of_runs(database, runs), request)

    def _heading(self) -> str:
        return f"{super()._heading()} in study '{self.study}' of {self._shown}"

    def _footnotes(self) -> list[str]:
        return [*super()._footnotes(), *(f"note: {note}" for note in self.notes)]
