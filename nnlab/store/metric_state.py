"""The state of a metric of a run while it is written, from which its summary is updated."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nnlab.records import Direction
from nnlab.store.curve_summary import SummaryRow, merge_summaries, summarize_curve, summarize_point

_Points = Sequence[tuple[int, float]]  # epoch and value, sorted by epoch


@dataclass(frozen=True, slots=True)
class MetricState:
    """What is stored of a metric: up to the current epoch, and later epochs of a resumed run.

    An attempt that resumes from a checkpoint writes the epochs after it again. Until then, those
    of the earlier attempt are kept: an epoch that was shown once is never missing.
    `later_epochs` are their numbers, of which those from `position` on are still to be replaced;
    `suffix_summaries[i]` is the summary of `later_epochs[i:]`.
    """

    id: int
    direction: Direction
    summary_so_far: SummaryRow | None = None
    later_epochs: tuple[int, ...] = ()
    suffix_summaries: tuple[SummaryRow, ...] = ()
    position: int = 0

    def after_epoch(self, epoch: int, value: float) -> "MetricState":
        """The state after another epoch."""
        summary = merge_summaries(
            self.direction, self.summary_so_far, summarize_point(epoch, value)
        )
        position = bisect_right(self.later_epochs, epoch, lo=self.position)
        return replace(self, summary_so_far=summary, position=position)

    @property
    def has_later_epochs(self) -> bool:
        """Whether points of an earlier attempt are stored after the current epoch."""
        return self.position < len(self.later_epochs)

    def summary(self) -> SummaryRow | None:
        """The summary of all stored points; None if there are none."""
        if not self.has_later_epochs:
            return self.summary_so_far
        later = self.suffix_summaries[self.position]
        return merge_summaries(self.direction, self.summary_so_far, later)

    @classmethod
    def from_stored_points(
        cls, metric_id: int, direction: Direction, points: _Points, resume_after: int
    ) -> "MetricState":
        """The state of a metric when an attempt resumes after an epoch."""
        before = [point for point in points if point[0] <= resume_after]
        later = points[len(before) :]
        summaries: list[SummaryRow] = []
        for epoch, value in reversed(later):
            following = summaries[-1] if summaries else None
            summaries.append(merge_summaries(direction, following, summarize_point(epoch, value)))
        return cls(
            metric_id,
            direction,
            summary_so_far=summarize_curve(direction, *zip(*before, strict=True))
            if before
            else None,
            later_epochs=tuple(epoch for epoch, _ in later),
            suffix_summaries=tuple(reversed(summaries)),
        )
