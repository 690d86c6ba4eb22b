"""The verdict on a study's claim as Markdown, for reports and the documentation."""

from collections.abc import Sequence

from nnlab.analysis.verdict import StudyVerdict
from nnlab.io.escaping import escape_markdown
from nnlab.records import PublishedResult, Study
from nnlab.report.verdict_text import METHOD_NOTE, ComparisonText, build_verdict_text


def verdict_section(study: Study, study_verdict: StudyVerdict) -> str:
    """The section of a report: the claim, the verdict, and the comparisons with their numbers."""
    return "\n".join(["## Verdict", "", *verdict_lines(study, study_verdict), METHOD_NOTE, ""])


def verdict_lines(study: Study, study_verdict: StudyVerdict) -> list[str]:
    """The claim, the verdict, a table of the comparisons, and notes on them, as lines."""
    text = build_verdict_text(study, study_verdict)
    lines = [
        f"**Claim:** {escape_markdown(text.claim)}",
        "",
        f"**Verdict: {text.verdict}** with {text.seeds}.",
        *([text.unfinished] if text.unfinished else []),
        "",
        "| comparison | claimed | found, 95 % interval | n | p | verdict |",
        "| --- | --- | --- | ---: | ---: | --- |",
        *map(_comparison_row, text.comparisons),
        "",
    ]
    for heading, sentences in text.lists.items():
        lines += [f"{heading}:", "", *(f"- {escape_markdown(line)}" for line in sentences), ""]
    return lines + published_lines(text.published)


def published_lines(published: Sequence[PublishedResult]) -> list[str]:
    """A table of the published results about a claim; empty without any."""
    if not published:
        return []
    return [
        "| published result | source | its verdict |",
        "| --- | --- | --- |",
        *(
            f"| {escape_markdown(result.result)} | {_source(result)} | {result.verdict} |"
            for result in published
        ),
        "",
    ]


def _source(result: PublishedResult) -> str:
    source = escape_markdown(result.source)
    # Only an address without characters of Markdown is a link; any other is shown as text.
    if not result.url:
        return source
    is_plain = not set(result.url) & set(" <>()[]|\"'`\\")
    return f"[{source}]({result.url})" if is_plain else f"{source}, {escape_markdown(result.url)}"


def _comparison_row(row: ComparisonText) -> str:
    cells = [row.title, row.claimed, row.found, row.n, row.p, row.verdict]
    return f"| {' | '.join(map(escape_markdown, cells))} |"
