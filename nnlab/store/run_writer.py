"""`RunWriter`, which stores the epochs of a claimed run; each is durable when `write` returns."""

import time
from collections.abc import Mapping, Sequence
from itertools import pairwise

from nnlab.errors import LeaseLost
from nnlab.records import Artifact, Environment, Epoch, Finding, Status
from nnlab.store.leases import LEASE_SECONDS, Claim
from nnlab.store.remote_callable import AnyDatabase
from nnlab.store.run_transactions import (
    EpochBatch,
    EpochBatchResult,
    begin_attempt,
    put_attempt_end,
    put_epochs,
    put_parent,
    put_single_metrics,
)


class RunWriter:
    """The only writer of a claimed run.

    Every method raises LeaseLost if another worker has claimed the run, and then changes nothing;
    StoreError if the database cannot be written. The writer keeps the state of the run's metrics,
    because the database may be in another process.
    """

    def __init__(
        self,
        db: AnyDatabase,
        claim: Claim,
        *,
        environment: Environment | None = None,
        data_fingerprint: str | None = None,
        resume_after: int = 0,
        lease_seconds: float = LEASE_SECONDS,
        engine: str | None = None,
        artifacts: str | None = None,
        same_data: bool = False,
    ) -> None:
        """Starts or resumes a run.

        Args:
            db: the database.
            claim: the run, and this attempt at it.
            environment: the worker's environment, if it was not known when the run was claimed.
            data_fingerprint: the fingerprint of the training data, if known.
            resume_after: the last epoch of the checkpoint to resume from; 0 starts over.
            lease_seconds: how long the lease lasts after each write.
            engine: how the run is trained: `solo`, or `stacked 64` in a batch of 64 runs.
            artifacts: the folder of the run's files, if it is not the database's own.
            same_data: whether data that differ from those of the trial's other runs are an error.

        Raises:
            DataError: the data differ and `same_data` is set; the run is not changed.
        """
        self._db = db
        self._claim = claim
        self._lease_seconds = lease_seconds
        self._written = resume_after
        self._stop_requested = False
        self._metrics = begin_attempt(
            db,
            claim,
            self._new_lease_end,
            environment=environment,
            data_fingerprint=data_fingerprint,
            resume_after=resume_after,
            engine=engine,
            artifacts=artifacts,
            same_data=same_data,
        )

    @property
    def run_id(self) -> int:
        """The id of the run."""
        return self._claim.run.id

    @property
    def stop_requested(self) -> bool:
        """Whether `nnlab stop` was called for this run before the last epoch was written."""
        return self._stop_requested

    def write(self, epoch: Epoch) -> None:
        """Stores a finished epoch and renews the lease, in one transaction.

        Raises:
            ValueError: the epoch does not come after the previous one.
        """
        (error,) = write_epochs(self._db, [(self, [epoch])])
        if error is not None:
            raise error

    def write_single(self, values: Mapping[str, float], epoch: int) -> None:
        """Stores metrics that a run has at one epoch only, such as test metrics."""
        if values:
            plain = {name: float(value) for name, value in values.items()}
            self._metrics |= put_single_metrics(
                self._db, self._claim, self._new_lease_end, plain, epoch
            )

    def record_parent(self, parent_id: int) -> None:
        """Stores the id of the run whose weights this run started from."""
        put_parent(self._db, self._claim, self._new_lease_end, parent_id)

    def finish(
        self,
        status: Status,
        *,
        selected_epoch: int | None,
        reason: str | None,
        wall_seconds: float,
        device_seconds: float,
        findings: Sequence[Finding] = (),
        artifacts: Sequence[Artifact] = (),
        pruned_at: int | None = None,
        peak_bytes: int | None = None,
    ) -> None:
        """Ends the attempt and releases the lease, in one transaction.

        A finished or diverged run keeps only the points that this attempt wrote after its
        checkpoint; a run that will be resumed also keeps later epochs of an earlier attempt.

        Args:
            status: how the attempt ended.
            selected_epoch: the epoch at which the test split was evaluated.
            reason: what went wrong, if anything did.
            wall_seconds: the duration of this attempt; it is added to those of earlier attempts.
            device_seconds: the training time within it; it is added in the same way.
            findings: the diagnosed findings; they replace the stored ones.
            artifacts: the files of the run; each replaces the stored one of its kind.
            pruned_at: the epoch after which a pruner ended the run; `reason` says why.
            peak_bytes: the peak memory of this attempt on its device.
        """
        is_final = status in (Status.FINISHED, Status.DIVERGED)
        put_attempt_end(
            self._db,
            self._claim,
            self._new_lease_end,
            status,
            written=self._written,
            stale=[
                metric for metric in self._metrics.values() if is_final and metric.has_later_epochs
            ],
            selected_epoch=selected_epoch,
            reason=reason,
            wall_seconds=wall_seconds,
            device_seconds=device_seconds,
            findings=findings,
            artifacts=artifacts,
            pruned_at=pruned_at,
            peak_bytes=peak_bytes,
        )

    @property
    def _new_lease_end(self) -> float:
        """The end of a lease that is renewed now, in Unix seconds."""
        return time.time() + self._lease_seconds

    def _build_batch(self, epochs: Sequence[Epoch]) -> EpochBatch:
        numbers = [self._written, *(epoch.number for epoch in epochs)]
        for previous, number in pairwise(numbers):
            if number <= previous:
                raise ValueError(f"epoch {number} after epoch {previous}")
        return EpochBatch(self._claim, self._new_lease_end, tuple(epochs), self._metrics)

    def _mark_stored(self, epochs: Sequence[Epoch], stored: EpochBatchResult) -> None:
        self._stop_requested = stored.stop_requested
        self._metrics |= stored.metrics
        self._written = epochs[-1].number


def write_epochs(
    db: AnyDatabase, batches: Sequence[tuple[RunWriter, Sequence[Epoch]]]
) -> list[LeaseLost | None]:
    """Stores finished epochs of several runs and renews their leases, in one transaction.

    Args:
        db: the database of all the writers.
        batches: each a writer and at least one epoch of its run.

    Returns:
        For each run None, or an error if another worker has claimed it: nothing of it is stored.

    Raises:
        ValueError: an epoch does not come after the previous one.
        StoreError: nothing was stored, and the call may be repeated.
    """
    results = put_epochs(db, [writer._build_batch(epochs) for writer, epochs in batches])
    errors: list[LeaseLost | None] = []
    # The transaction is committed; only now may the writers change their state.
    for (writer, epochs), result in zip(batches, results, strict=True):
        if isinstance(result, LeaseLost):
            errors.append(result)
        else:
            writer._mark_stored(epochs, result)
            errors.append(None)
    return errors
