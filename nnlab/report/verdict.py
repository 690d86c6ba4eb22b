"""The verdict on a claim in words and tables."""

import math
from collections.abc import Sequence

from nnlab.analysis.verdict import ComparisonResult, StudyVerdict, TunedArm
from nnlab.io.escaping import escape_markdown
from nnlab.records import Comparison, Study

METHOD_NOTE = (
    "Each comparison is of the same seeds. It is *supported* where the 95 % t interval lies wholly"
    " inside what is claimed and the exact sign-flip test against its bound agrees (one-sided p at"
    " most 0.05), *not supported* where the same holds of the outside, else it *cannot tell*. A"
    " claim is supported where all of its comparisons are, and not supported where one is not."
)


def verdict_section(study: Study, answered: StudyVerdict) -> str:
    """The section of a report: claim, verdict, the comparisons with their numbers."""
    return "\n".join(["## Verdict", "", *verdict_lines(study, answered), METHOD_NOTE, ""])


def verdict_lines(study: Study, answered: StudyVerdict) -> list[str]:
    """The claim, the verdict, and a table of the comparisons."""
    lines = [
        f"**Claim:** {escape_markdown(study.claim) or 'none was written down'}",
        "",
        f"**Verdict: {answered.verdict}** with {_seed_count(study)}.",
    ]
    if answered.unfinished:
        lines.append(f"{answered.unfinished} runs have no result yet, so nothing is decided.")
    return [
        *lines,
        "",
        "| comparison | claimed | found, 95 % interval | n | p | |",
        "| --- | --- | --- | ---: | ---: | --- |",
        *(_comparison_row(found) for found in answered.results),
        "",
        *_mean_lines(answered.results),
        *_tuning_lines(list(answered.arms.values())),
    ]


def _seed_count(study: Study) -> str:
    return f"{len(study.seeds)} seeds" if len(study.seeds) != 1 else "1 seed"


def _comparison_row(found: ComparisonResult) -> str:
    judged = found.test
    missing = f", {found.missing} without a number" if found.missing else ""
    p = "" if judged.p is None else f"{judged.p:.2g}"
    cells = [
        escape_markdown(found.comparison.says),
        escape_markdown(claimed(found.comparison)),
        f"{number(judged.mean)} ({number(judged.low)} to {number(judged.high)})",
        f"{judged.n}{missing}",
        p,
        str(judged.verdict),
    ]
    return f"| {' | '.join(cells)} |"


def claimed(comparison: Comparison) -> str:
    """The quantity and the region that is claimed, as `val/loss of a - b > 0.1`."""
    names = list(comparison.arms)
    if comparison.scale == "spread":
        what = f"sd over mean of {names[0]}"
    else:
        sign = " / " if comparison.scale == "ratio" else " - "
        pairs = [sign.join(names[i : i + 2]) for i in range(0, len(names), 2)]
        what = pairs[0] if len(pairs) == 1 else f"({pairs[0]}){sign}({pairs[1]})"
    region = [
        f"{word} {bound:g}"
        for word, bound in (("above", comparison.above), ("below", comparison.below))
        if bound is not None
    ]
    return f"{comparison.metric} ({comparison.at}) of {what} {' and '.join(region)}"


def _mean_lines(answers: Sequence[ComparisonResult]) -> list[str]:
    lines = [
        f"- {escape_markdown(found.comparison.metric)} ({escape_markdown(found.comparison.at)}): "
        + ", ".join(
            f"{escape_markdown(arm)} {number(value)}"
            for arm, value in zip(found.comparison.arms, found.values, strict=True)
        )
        for found in answers
        if found.values
    ]
    return ["Means over the seeds compared:", "", *dict.fromkeys(lines), ""] if lines else []


def _tuning_lines(sides: Sequence[TunedArm]) -> list[str]:
    lines = [
        f"- {escape_markdown(side.arm)}: {escape_markdown(side.tuned_values)}, the best of {side.n_trials} by validation"
        for side in sides
        if side.n_trials > 1
    ]
    return ["Arms of several trials were tuned first:", "", *lines, ""] if lines else []


def number(value: float) -> str:
    """A number with three digits, infinities in words.

    >>> number(0.12345), number(float("inf"))
    ('0.123', 'unbounded')
    """
    if math.isinf(value):
        return "unbounded"
    return "unknown" if math.isnan(value) else f"{value:.3g}"
