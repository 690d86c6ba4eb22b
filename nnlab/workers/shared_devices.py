"""`SharedDevices` gives a script that was out of memory a device, or the machine, for itself."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from nnlab.workers.script_slots import ScriptSlot

_POLL_SECONDS = 0.1


@dataclass(slots=True)
class _Request:
    """A run that needs a device (or with `slot` None the machine) for itself."""

    thread: threading.Thread
    slot: ScriptSlot | None
    is_granted: bool = False

    def covers(self, slot: ScriptSlot) -> bool:
        return self.slot is None or self.slot.shares_device(slot)

    def overlaps(self, other: "_Request") -> bool:
        return self.slot is None or other.slot is None or self.slot.shares_device(other.slot)


class SharedDevices:
    """Which threads run scripts in which slots, and which of them have to be alone."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._running: dict[threading.Thread, ScriptSlot] = {}
        self._requests: list[_Request] = []

    def enter(self, slot: ScriptSlot, should_stop: Callable[[], bool]) -> None:
        """Waits while another run needs the slot; then the calling thread uses it."""
        with self._condition:
            while any(r.covers(slot) for r in self._requests) and not should_stop():
                self._condition.wait(_POLL_SECONDS)
            self._running[threading.current_thread()] = slot

    def leave(self) -> None:
        """The calling thread does not use its slot any more."""
        thread = threading.current_thread()
        with self._condition:
            self._running.pop(thread, None)
            self._requests = [r for r in self._requests if r.thread is not thread]
            self._condition.notify_all()

    def wait_until_alone(self, slot: ScriptSlot | None, should_stop: Callable[[], bool]) -> None:
        """Waits until no other run uses the device of a slot; others wait for `leave` then.

        Args:
            slot: the slot of the calling thread; None waits for all other runs of the machine.
            should_stop: ends the waiting.
        """
        thread = threading.current_thread()
        with self._condition:
            self._requests = [r for r in self._requests if r.thread is not thread]
            request = _Request(thread, slot)
            self._requests.append(request)
            while not self._may_continue(request) and not should_stop():
                self._condition.wait(_POLL_SECONDS)
            request.is_granted = True

    def _may_continue(self, request: _Request) -> bool:
        """Whether the first of the overlapping requests is this one, and nothing runs there."""
        earlier = self._requests[: self._requests.index(request)]
        if any(other.overlaps(request) for other in earlier):
            return False
        # Those that wait for a device themselves do not use theirs.
        waiting = {other.thread for other in self._requests if not other.is_granted}
        return not any(
            request.covers(slot) and thread not in waiting for thread, slot in self._running.items()
        )
