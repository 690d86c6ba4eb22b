"""The verdict on a study's claim as plain text, which the formats of reports escape and lay out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nnlab.analysis.claim_text import describe_claim
from nnlab.analysis.deciding_seeds import planned_power_text, undecided_texts
from nnlab.analysis.fairness import fairness_notes
from nnlab.analysis.left_out_arms import arm_notes
from nnlab.analysis.verdict import ComparisonResult, StudyVerdict, TunedArm
from nnlab.io.text import format_count
from nnlab.records import PublishedResult, Study
from nnlab.stats.rounding import format_p, without_rounding_error

METHOD_NOTE = (
    "Each comparison pairs the same seeds. It is *supported* if the 95 % t interval lies entirely"
    " inside the claimed region and the exact sign-flip test against its bound agrees (one-sided p"
    " at most 0.05), *not supported* if the same holds for the outside; otherwise the verdict is"
    " *cannot tell*. A claim is supported if all of its comparisons are, and not supported if one"
    " is not; sub-claims have a verdict of their own and do not decide."
)

UNDECIDED_HEADING = "What would decide"


@dataclass(frozen=True, slots=True)
class ComparisonText:
    """A row of the table of comparisons: the numbers as text."""

    says: str
    claimed: str
    found: str
    n: str
    p: str
    verdict: str
    decides: bool

    @property
    def title(self) -> str:
        """What the comparison says, marked if it does not decide the claim."""
        return self.says if self.decides else f"sub-claim: {self.says}"


@dataclass(frozen=True, slots=True)
class VerdictText:
    """The claim, the verdict, the comparisons, and lists of sentences about them.

    `lists` holds the sentences by their heading, without empty lists: what would decide, the power
    that was planned, means, tuning, fairness, and the pilot.
    """

    claim: str
    verdict: str
    seeds: str
    unfinished: str
    comparisons: tuple[ComparisonText, ...]
    lists: Mapping[str, tuple[str, ...]]
    published: tuple[PublishedResult, ...]


def build_verdict_text(study: Study, study_verdict: StudyVerdict) -> VerdictText:
    """The verdict on a study as plain text."""
    unfinished = study_verdict.unfinished
    lists = {
        UNDECIDED_HEADING: undecided_texts(study_verdict),
        "What the study was expected to find": _power_lines(study),
        "Means over the seeds compared": _mean_lines(study_verdict.results),
        "Arms with several trials were tuned first": _tuning_lines(study_verdict),
        "Notes on the arms": arm_notes(study),
        "Fairness": fairness_notes(study, study_verdict),
        "How the study was designed": _pilot_lines(study),
    }
    return VerdictText(
        claim=study.claim or "not stated",
        verdict=str(study_verdict.verdict),
        seeds=format_count(len(study.seeds), "seed"),
        unfinished=f"{format_count(unfinished, 'run')} have no result yet, so there is no verdict."
        if unfinished
        else "",
        comparisons=tuple(map(_comparison_text, study_verdict.results)),
        lists={heading: lines for heading, lines in lists.items() if lines},
        published=study.published,
    )


def _comparison_text(result: ComparisonResult) -> ComparisonText:
    test, missing = result.test, result.missing
    return ComparisonText(
        says=result.comparison.says,
        claimed=describe_claim(result.comparison),
        found=format_found(test.mean, test.low, test.high),
        n=f"{test.n}, {missing} without a number" if missing else str(test.n),
        p="" if test.p is None else format_p(test.p),
        verdict=str(test.verdict),
        decides=result.comparison.decides,
    )


def _power_lines(study: Study) -> tuple[str, ...]:
    texts = {
        comparison.says: planned_power_text(comparison, len(study.seeds))
        for comparison in study.comparisons
    }
    return tuple(f"{says}: {text}" for says, text in texts.items() if text)


def _mean_lines(results: Sequence[ComparisonResult]) -> tuple[str, ...]:
    lines = [
        f"{result.comparison.metric} ({result.comparison.at}): "
        + ", ".join(
            f"{arm} {format_number(value)}"
            for arm, value in zip(result.comparison.arms, result.values, strict=True)
        )
        for result in results
        if result.values
    ]
    return tuple(dict.fromkeys(lines))


def _tuning_lines(study_verdict: StudyVerdict) -> tuple[str, ...]:
    return tuple(
        f"{arm.title}, the best of {arm.n_trials} by validation"
        for arm in study_verdict.arms.values()
        if arm.n_trials > 1 and _represents_arm(study_verdict, arm)
    )


def _represents_arm(study_verdict: StudyVerdict, arm: TunedArm) -> bool:
    """Whether the tuned trial is compared: a rank correlation is over all trials of its arm."""
    uses = [r.comparison.scale for r in study_verdict.results if arm.arm in r.comparison.arms]
    return not uses or any(scale != "correlation" for scale in uses)


def _pilot_lines(study: Study) -> tuple[str, ...]:
    if study.pilot is None:
        return ()
    seeds = f"designed on {format_count(len(study.pilot.seeds), 'other seed')}"
    if set(study.pilot.seeds) & set(study.seeds):
        seeds = f"designed on {format_count(len(study.pilot.seeds), 'seed')}"
    return (f"{seeds}: {study.pilot.notes}" if study.pilot.notes else seeds,)


def format_found(mean: float, low: float, high: float) -> str:
    """The mean of a comparison with its interval: `0.12 (0.1 to 0.14)`."""
    mean = without_rounding_error(mean, low, high)
    return f"{format_number(mean)} ({format_number(low)} to {format_number(high)})"


def format_number(value: float) -> str:
    """A number with three significant digits; infinity and NaN as words.

    >>> format_number(0.12345), format_number(float("inf"))
    ('0.123', 'unbounded')
    """
    if math.isinf(value):
        return "unbounded"
    return "unknown" if math.isnan(value) else f"{value:.3g}"
