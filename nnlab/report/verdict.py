"""The verdict on a study's claim as Markdown, for reports and the documentation."""

import math
from collections.abc import Sequence

from nnlab.analysis.claim_text import describe_claim
from nnlab.analysis.left_out_arms import arm_notes
from nnlab.analysis.verdict import ComparisonResult, StudyVerdict, TunedArm
from nnlab.io.escaping import escape_markdown
from nnlab.records import Study
from nnlab.stats.rounding import format_p

METHOD_NOTE = (
    "Each comparison pairs the same seeds. It is *supported* if the 95 % t interval lies entirely"
    " inside the claimed region and the exact sign-flip test against its bound agrees (one-sided p"
    " at most 0.05), *not supported* if the same holds for the outside; otherwise the verdict is"
    " *cannot tell*. A claim is supported if all of its comparisons are, and not supported if one"
    " is not."
)


def verdict_section(study: Study, study_verdict: StudyVerdict) -> str:
    """The section of a report: the claim, the verdict, and the comparisons with their numbers."""
    return "\n".join(["## Verdict", "", *verdict_lines(study, study_verdict), METHOD_NOTE, ""])


def verdict_lines(study: Study, study_verdict: StudyVerdict) -> list[str]:
    """The claim, the verdict, and a table of the comparisons, as lines."""
    lines = [
        f"**Claim:** {escape_markdown(study.claim) or 'not stated'}",
        "",
        f"**Verdict: {study_verdict.verdict}** with {_seed_count(study)}.",
    ]
    if study_verdict.unfinished:
        lines.append(f"{study_verdict.unfinished} runs have no result yet, so there is no verdict.")
    return [
        *lines,
        "",
        "| comparison | claimed | found, 95 % interval | n | p | |",
        "| --- | --- | --- | ---: | ---: | --- |",
        *(_comparison_row(result) for result in study_verdict.results),
        "",
        *_mean_lines(study_verdict.results),
        *_tuning_lines(list(study_verdict.arms.values())),
        *_arm_note_lines(study),
    ]


def _seed_count(study: Study) -> str:
    return f"{len(study.seeds)} seeds" if len(study.seeds) != 1 else "1 seed"


def _comparison_row(result: ComparisonResult) -> str:
    claim_test = result.test
    missing = f", {result.missing} without a number" if result.missing else ""
    p = "" if claim_test.p is None else format_p(claim_test.p)
    low, high = format_number(claim_test.low), format_number(claim_test.high)
    cells = [
        escape_markdown(result.comparison.says),
        escape_markdown(describe_claim(result.comparison)),
        f"{format_number(claim_test.mean)} ({low} to {high})",
        f"{claim_test.n}{missing}",
        p,
        str(claim_test.verdict),
    ]
    return f"| {' | '.join(cells)} |"


def _mean_lines(results: Sequence[ComparisonResult]) -> list[str]:
    lines = [
        f"- {escape_markdown(result.comparison.metric)} ({escape_markdown(result.comparison.at)}): "
        + ", ".join(
            f"{escape_markdown(arm)} {format_number(value)}"
            for arm, value in zip(result.comparison.arms, result.values, strict=True)
        )
        for result in results
        if result.values
    ]
    return ["Means over the seeds compared:", "", *dict.fromkeys(lines), ""] if lines else []


def _tuning_lines(tuned_arms: Sequence[TunedArm]) -> list[str]:
    lines = [
        f"- {escape_markdown(tuned_arm.arm)}: {escape_markdown(tuned_arm.tuned_values)},"
        f" the best of {tuned_arm.n_trials} by validation"
        for tuned_arm in tuned_arms
        if tuned_arm.n_trials > 1
    ]
    return ["Arms with several trials were tuned first:", "", *lines, ""] if lines else []


def _arm_note_lines(study: Study) -> list[str]:
    lines = [f"- {escape_markdown(note)}" for note in arm_notes(study)]
    return ["Notes on the arms:", "", *lines, ""] if lines else []


def format_number(value: float) -> str:
    """A number with three significant digits; infinity and NaN as words.

    >>> format_number(0.12345), format_number(float("inf"))
    ('0.123', 'unbounded')
    """
    if math.isinf(value):
        return "unbounded"
    return "unknown" if math.isnan(value) else f"{value:.3g}"
