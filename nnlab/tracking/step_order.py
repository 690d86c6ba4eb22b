"""Notices the first step of a metric that goes back; used by the recorder."""

from collections.abc import Iterable

from nnlab.records import Sample
from nnlab.tracking.notes import note


class StepOrder:
    """The last step of each metric of a run; the user is told once that one went back."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._is_noted = False

    def check(self, samples: Iterable[Sample]) -> None:
        """Notes the first sample whose step is before that of the previous sample of its metric.

        A step of -1 says that the program has none, so it does not count.
        """
        if self._is_noted:
            return
        for sample in samples:
            if sample.step is None or sample.step < 0:
                continue
            last = self._last.get(sample.metric, sample.step)
            if sample.step < last:
                self._is_noted = True
                note(
                    f"the step of {sample.metric} went back from {last} to {sample.step}: every"
                    " value is kept, and the curve shows the newest ones"
                )
                return
            self._last[sample.metric] = sample.step
