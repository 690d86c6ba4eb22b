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
        self._step: int | None = None
        self._epoch: float | None = None
        self._time: float | None = None

    @property
    def next_seq(self) -> int:
        """The number of the next call."""
        return self._seq + 1

    def resume(self, last_call: Sequence[Sample]) -> None:
        """Lets the next samples belong to the last stored call, if they do."""
        if last_call:
            self._metrics = {sample.metric for sample in last_call}
            _, _, self._step, self._epoch, self._time = last_call[-1]

    def add(self, samples: Iterable[Sample]) -> list[SampleCall]:
        """The calls that are complete, because these samples begin other calls."""
        calls: list[SampleCall] = []
        names, waiting, metrics = self._names, self._waiting, self._metrics
        last_step, last_epoch, last_time = self._step, self._epoch, self._time
        make_sample = tuple.__new__  # the constructor takes twice as long
        for sample in samples:
            logged, value, step, epoch, time = sample
            name = names[logged]
            if epoch is not None and epoch != epoch:  # NaN would separate all samples
                epoch = None
            if (
                step != last_step
                or epoch != last_epoch
                or name in metrics
                or (time != last_time and step is None and epoch is None)
                or self._seq < 0
            ):
                if waiting:
                    calls.append(SampleCall(self._seq, tuple(waiting)))
                    waiting = []
                self._seq += 1
                metrics.clear()
                last_step, last_epoch = step, epoch
            last_time = time
            metrics.add(name)
            waiting.append(
                sample if name == logged else make_sample(Sample, (name, value, step, epoch, time))
            )
        self._waiting = waiting
        self._step, self._epoch, self._time = last_step, last_epoch, last_time
        return calls

    def close(self) -> list[SampleCall]:
        """The last call, as far as its samples were not returned yet."""
        calls = [SampleCall(self._seq, tuple(self._waiting))] if self._waiting else []
        self._waiting = []
        return calls
