"""The heartbeat that renews the leases of claimed runs while a worker executes them."""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from nnlab import store
from nnlab.errors import LeaseLost, StoreError

LEASE_SECONDS = 60.0


@contextmanager
def heartbeat(db: store.AnyDatabase, claims: Sequence[store.Claim]) -> Iterator[threading.Event]:
    """Renews the leases from a thread, because an epoch may take longer than a lease.

    The event is set once another worker has taken over one of the runs.
    """
    ended, lost = threading.Event(), threading.Event()

    def renew() -> None:
        while not ended.wait(LEASE_SECONDS / 4):
            for claim in claims:
                # If the database is busy or full, there is time for three more attempts.
                with contextlib.suppress(StoreError):
                    try:
                        store.renew_lease(db, claim, LEASE_SECONDS)
                    except LeaseLost:
                        lost.set()

    thread = threading.Thread(target=renew, name="nnlab-heartbeat", daemon=True)
    thread.start()
    try:
        yield lost
    finally:
        ended.set()
        thread.join()
