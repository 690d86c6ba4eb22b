"""Tells all clients of the board when the database has changed, with one query for all of them."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool

from nnlab import store

POLL_SECONDS = 0.25
HEARTBEAT_SECONDS = 15.0
RETRY_MILLISECONDS = 2_000


class ChangeWatcher:
    """The version of the database: a text that differs after each change.

    The version also differs between servers, so that a page notices that it was restarted. The
    database is queried only while someone asks.
    """

    def __init__(self, db: store.Database) -> None:
        self._counter = store.ChangeCounter(db)
        self._server = secrets.token_hex(4)
        self._version = ""
        self._polled_at = -POLL_SECONDS
        self._lock: asyncio.Lock | None = None
        self._closed = False

    async def version(self) -> str:
        """The version, not older than the interval between two polls."""
        # Created here: a lock belongs to the event loop that uses it.
        self._lock = self._lock or asyncio.Lock()
        async with self._lock:
            if time.monotonic() - self._polled_at >= POLL_SECONDS:
                count = await run_in_threadpool(self._counter.poll)
                self._version = f"{self._server}-{count}"
                self._polled_at = time.monotonic()
            return self._version

    def count_changes(self) -> int:
        """The number of changes of the database until now."""
        return self._counter.poll()

    async def events(self) -> AsyncIterator[str]:
        """The version now and after each change, as server-sent events, until the server stops."""
        sent, sent_at = "", time.monotonic()
        yield f"retry: {RETRY_MILLISECONDS}\n\n"
        while not self._closed:
            version = await self.version()
            if version != sent:
                sent, sent_at = version, time.monotonic()
                yield f"id: {version}\nevent: change\ndata: {version}\n\n"
            elif time.monotonic() - sent_at >= HEARTBEAT_SECONDS:
                sent_at = time.monotonic()
                yield "event: heartbeat\ndata:\n\n"
            await asyncio.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Ends all streams of events."""
        self._closed = True

    def close(self) -> None:
        """Ends all streams of events, and closes the connection."""
        self.stop()
        self._counter.close()
