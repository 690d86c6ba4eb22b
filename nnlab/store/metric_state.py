"""How a metric of a run stands while the run is written, so that its summary follows each epoch."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nnlab.records import Direction
from nnlab.store.curve_summary import SummaryRow, merge_summaries, summarize_curve, summarize_point

_Points = Sequence[tuple[int, float]]  # epoch and value, in the order of epochs


@dataclass(frozen=True, slots=True)
class MetricState:
    """What is stored of a metric: up to where this attempt has come, and beyond, if resumed.

    An attempt that goes on from a checkpoint writes the epochs after it again. Until it has,
    those of the attempt before stay: an epoch that was once shown is never missing. `later`
    are their numbers, from place `at` on; `onward[i]` is the summary of `later[i:]`.
    """

    id: int
    direction: Direction
    summary_so_far: SummaryRow | None = None
    later_epochs: tuple[int, ...] = ()
    suffix_summaries: tuple[SummaryRow, ...] = ()
    at: int = 0

    def add(self, epoch: int, value: float) -> "MetricState":
        """How it stands after another epoch."""
        so_far = merge_summaries(self.direction, self.summary_so_far, summarize_point(epoch, value))
        at = bisect_right(self.later_epochs, epoch, lo=self.at)
        return replace(self, summary_so_far=so_far, at=at)

    @property
    def has_later_epochs(self) -> bool:
        """Whether an attempt before has measured it later than this one has come."""
        return self.at < len(self.later_epochs)

    def summary(self) -> SummaryRow | None:
        """Of all that is stored of it; None where nothing is."""
        if self.at == len(self.later_epochs):
            return self.summary_so_far
        return merge_summaries(self.direction, self.summary_so_far, self.suffix_summaries[self.at])

    @classmethod
    def stored(
        cls, number: int, direction: Direction, points: _Points, resume_after: int
    ) -> "MetricState":
        """How a metric stands when an attempt goes on after an epoch."""
        before = [point for point in points if point[0] <= resume_after]
        later = points[len(before) :]
        onward: list[SummaryRow] = []
        for epoch, value in reversed(later):
            rest = onward[-1] if onward else None
            onward.append(merge_summaries(direction, rest, summarize_point(epoch, value)))
        return cls(
            number,
            direction,
            summary_so_far=summarize_curve(direction, *zip(*before, strict=True))
            if before
            else None,
            later_epochs=tuple(epoch for epoch, _ in later),
            suffix_summaries=tuple(reversed(onward)),
        )
