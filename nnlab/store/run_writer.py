"""Writes what a claimed run does, epoch by epoch: each is durable when `write` returns."""

import time
from collections.abc import Mapping, Sequence
from itertools import pairwise

from nnlab.errors import LeaseLost
from nnlab.records import Artifact, Environment, Epoch, Finding, Status
from nnlab.store.queue import LEASE_SECONDS, Claim
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
    """The one writer of a claimed run.

    Every method raises LeaseLost where another worker has taken the run over, and then changes
    nothing; StoreError where the database cannot be written. What is known of the run's metrics
    is kept here, so that the database may be asked through another process as well.
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
        """Begins, or goes on with, a run.

        Args:
            db: the database.
            claim: the run, and this attempt at it.
            environment: where it is trained, if the claim did not know yet.
            data_fingerprint: what identifies the data that it is trained on, if known.
            resume_after: the last epoch in the checkpoint that it goes on from; 0 starts over.
            lease_seconds: how long the lease lasts after each write.
            engine: what trains it: `solo`, or `stacked 64`.
            artifacts: the folder of its files, if that is not the database's own.
            same_data: whether other data than those of the trial's other runs are refused.

        Raises:
            DataError: the data are other ones, with `same_data`; the run is left as it was.
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
        """The number of the run that is written."""
        return self._claim.run.id

    @property
    def stop_requested(self) -> bool:
        """Whether `nnlab stop` had asked for this run when the last epoch was written."""
        return self._stop_requested

    def write(self, epoch: Epoch) -> None:
        """Stores a finished epoch and renews the lease, in one transaction.

        Raises:
            ValueError: the epoch does not come after the one written before.
        """
        (lost,) = write_epochs(self._db, [(self, [epoch])])
        if lost is not None:
            raise lost

    def extra(self, values: Mapping[str, float], epoch: int) -> None:
        """Stores metrics that a run has once, such as the test split's at the selected epoch."""
        if values:
            plain = {name: float(value) for name, value in values.items()}
            self._metrics |= put_single_metrics(
                self._db, self._claim, self._new_lease_end, plain, epoch
            )

    def record_parent(self, parent_id: int) -> None:
        """Notes the run whose weights this one began with."""
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
        """Ends the attempt and gives the lease back, in one transaction.

        A run that has ended for good keeps only what this attempt wrote after its checkpoint;
        one that is to go on also keeps later epochs of an attempt before.

        Args:
            status: how it ended.
            selected_epoch: the epoch that the test split was evaluated at.
            reason: why, if something went wrong.
            wall_seconds: how long this attempt took; added to the attempts before.
            device_seconds: how much of that was training; added as well.
            findings: what was diagnosed; they replace those before.
            artifacts: the files made; each replaces that of its kind.
            pruned_at: the epoch after which a pruner ended it; `reason` says why.
            peak_bytes: the most memory that this attempt held on its device.
        """
        for_good = status in (Status.FINISHED, Status.DIVERGED)
        put_attempt_end(
            self._db,
            self._claim,
            self._new_lease_end,
            status,
            written=self._written,
            stale=[
                metric for metric in self._metrics.values() if for_good and metric.has_later_epochs
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
        """When the lease ends that is renewed now, in Unix seconds."""
        return time.time() + self._lease_seconds

    def _build_batch(self, epochs: Sequence[Epoch]) -> EpochBatch:
        numbers = [self._written, *(epoch.number for epoch in epochs)]
        for before, number in pairwise(numbers):
            if number <= before:
                raise ValueError(f"epoch {number} after epoch {before}")
        return EpochBatch(self._claim, self._new_lease_end, tuple(epochs), self._metrics)

    def _mark_stored(self, epochs: Sequence[Epoch], stored: EpochBatchResult) -> None:
        self._stop_requested = stored.stop_requested
        self._metrics |= stored.metrics
        self._written = epochs[-1].number


def write_epochs(
    db: AnyDatabase, parcels: Sequence[tuple[RunWriter, Sequence[Epoch]]]
) -> list[LeaseLost | None]:
    """Stores finished epochs of several runs and renews their leases, in one transaction.

    Args:
        db: the database of all the writers.
        parcels: a writer and epochs of its run, one at least, each.

    Returns:
        For each run whose lease another worker has, of which nothing was stored, an error.

    Raises:
        ValueError: an epoch does not come after the one written before.
        StoreError: nothing of it is stored, and it may be tried again.
    """
    answers = put_epochs(db, [writer._build_batch(epochs) for writer, epochs in parcels])
    lost: list[LeaseLost | None] = []
    # Only now is it stored.
    for (writer, epochs), answer in zip(parcels, answers, strict=True):
        if isinstance(answer, LeaseLost):
            lost.append(answer)
        else:
            writer._mark_stored(epochs, answer)
            lost.append(None)
    return lost
