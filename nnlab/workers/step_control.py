"""`StepControl`: saves and stops a run over loaders between the steps of an epoch."""

import contextlib
import time
from collections.abc import Callable

from nnlab import store
from nnlab.engine.loader_session import LoaderSession
from nnlab.errors import StoreError
from nnlab.workers.run_context import RunContext

# The least time between two looks at the stop request of the worker, the checkpoint's due time,
# and the stop request in the database.
_CHECK_SECONDS = 0.1
_DATABASE_SECONDS = 2.0


class StepControl:
    """Decides after each step whether the run is saved, and whether it is stopped.

    An epoch over a loader may take hours, so a run must not wait for its end.
    """

    def __init__(
        self, db: store.AnyDatabase, run_context: RunContext, should_stop: Callable[[], bool]
    ) -> None:
        """Prepares the control of a run.

        Args:
            db: the database, where `nnlab stop` leaves its request.
            run_context: the run.
            should_stop: the stop request of the worker.
        """
        self._db, self._run_context, self._should_stop = db, run_context, should_stop
        self._next_check = self._next_database_check = time.perf_counter()

    def after_step(self, session: LoaderSession) -> bool:
        """Saves the session if that is due; returns whether the run must stop now."""
        now = time.perf_counter()
        if now < self._next_check:
            return False
        self._next_check = now + _CHECK_SECONDS
        if self._should_stop() or self._is_stop_requested(now):
            return True
        if self._run_context.checkpoints.is_due(session):
            self._run_context.checkpoints.save_if_reachable(session)
        return False

    def _is_stop_requested(self, now: float) -> bool:
        if now >= self._next_database_check:
            self._next_database_check = now + _DATABASE_SECONDS
            with contextlib.suppress(StoreError):  # asked again later
                if store.is_stop_requested(self._db, self._run_context.run.id):
                    self._run_context.note_stop_request()
        return self._run_context.stop_requested
