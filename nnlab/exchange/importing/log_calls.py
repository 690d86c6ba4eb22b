"""The grouping of logged samples into log calls: the values that a program logged together."""

from collections.abc import Iterable, Mapping, Sequence

from nnlab.records import Sample
from nnlab.store import SampleCall


class LogCalls:
    """Groups samples, in the order in which they were logged, into numbered calls.

    Consecutive samples of one step and epoch belong to one call, unless a metric repeats. Without
    steps and epochs, the time tells calls apart. The last call may still get samples after `close`:
    a log may have been read while only a part of the call had been written.
    """

    def __init__(self, names: Mapping[str, str], next_seq: int = 0) -> None:
        """Starts with call number `next_seq`.

        Args:
            names: the stored names of metrics by those in the log; it has all names of the samples
                that are added.
            next_seq: the number of the first call.
        """
        self._names = names
        self._seq = next_seq - 1  # of the last call
        self._waiting: list[Sample] = []  # samples of the last call that were not returned yet
        self._metrics: set[str] = set()
        self._key: object = None  # step and epoch of the last call; None before the first one
        self._time: float | None = None

    @property
    def next_seq(self) -> int:
        """The number of the next call."""
        return self._seq + 1

    def resume(self, last_call: Sequence[Sample]) -> None:
        """Lets the next samples belong to the last stored call, if they do."""
        if last_call:
            self._metrics = {sample.metric for sample in last_call}
            _, _, step, epoch, self._time = last_call[-1]
            self._key = step, epoch

    def add(self, samples: Iterable[Sample]) -> list[SampleCall]:
        """The calls that are complete, because these samples begin other calls."""
        calls: list[SampleCall] = []
        names, waiting, metrics = self._names, self._waiting, self._metrics
        key, last_time = self._key, self._time
        for sample in samples:
            logged, value, step, epoch, time = sample
            name = names[logged]
            if epoch is not None and epoch != epoch:  # NaN would separate all samples
                epoch = None
            if (
                (step, epoch) != key
                or name in metrics
                or (time != last_time and step is None and epoch is None)
            ):
                if waiting:
                    calls.append(SampleCall(self._seq, tuple(waiting)))
                    waiting = []
                self._seq += 1
                metrics.clear()
                key = step, epoch
            last_time = time
            metrics.add(name)
            waiting.append(Sample(name, value, step, epoch, time))
        self._waiting, self._key, self._time = waiting, key, last_time
        return calls

    def close(self) -> list[SampleCall]:
        """The last call, as far as its samples were not returned yet."""
        calls = [SampleCall(self._seq, tuple(self._waiting))] if self._waiting else []
        self._waiting = []
        return calls
