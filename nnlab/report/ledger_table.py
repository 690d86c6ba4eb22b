"""The ledger of `nnlab gate` in a report: the tested candidates of each study, as texts."""

from collections.abc import Iterable
from dataclasses import dataclass

from nnlab import store
from nnlab.analysis.gate import interval_text, ledger_rows
from nnlab.io.anonymous import hide_folders
from nnlab.io.text import format_count
from nnlab.records import Study


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One candidate in a report.

    `effect` is the text of the mean difference, positive if the candidate is better; `effect_value`
    the number. `is_best` marks the baseline of the next candidate.
    """

    entry: int
    candidate: str
    seeds: int
    effect: str
    effect_value: float | None
    interval: str
    p: float | None
    verdict: str
    reason: str
    is_kept: bool
    is_best: bool


@dataclass(frozen=True, slots=True)
class LedgerSummary:
    """The ledger of a study: its candidates in the order in which they were tested."""

    study: str
    lines: tuple[LedgerLine, ...]

    @property
    def sentence(self) -> str:
        """How many candidates were kept, discarded, and not decided."""
        verdicts = [line.verdict for line in self.lines if line.verdict != "baseline"]
        kept, discarded = verdicts.count("keep"), verdicts.count("discard")
        return (
            f"{format_count(len(verdicts), 'candidate')}: {kept} kept, {discarded} discarded,"
            f" {len(verdicts) - kept - discarded} not decided."
        )


def ledger_summaries(
    db: store.Database, studies: Iterable[Study], *, anonymous: bool
) -> tuple[LedgerSummary, ...]:
    """The ledgers of those of the studies that have one; an anonymous one has no folders."""
    summaries = []
    for study in studies:
        lines = tuple(
            LedgerLine(
                entry=row.entry.id,
                candidate=hide_folders(row.candidate) if anonymous else row.candidate,
                seeds=len(row.entry.seeds),
                effect="" if row.entry.effect is None else f"{row.entry.effect:.3g}",
                effect_value=row.entry.effect,
                interval=interval_text(row.entry.low, row.entry.high),
                p=row.entry.p,
                verdict=row.entry.verdict or "unfinished",
                reason=hide_folders(row.entry.reason) if anonymous else row.entry.reason,
                is_kept=row.entry.verdict == "keep",
                is_best=row.is_best,
            )
            for row in ledger_rows(db, store.ledger(db, [study.id]))
        )
        if lines:
            summaries.append(LedgerSummary(study.name, lines))
    return tuple(summaries)
