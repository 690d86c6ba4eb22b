"""Output of findings as text, used by several commands."""

from collections.abc import Sequence

from nnlab.cli.output.render import say
from nnlab.diagnosis import group_symptoms
from nnlab.records import Finding, Severity

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: ""}


def print_findings(findings: Sequence[Finding]) -> None:
    """Prints causes with their evidence and remedy, and a line with the symptoms of each cause."""
    if not findings:
        say("no findings")
    for group in group_symptoms(findings):
        cause = group.finding
        onset = f", from epoch {cause.onset}" if cause.onset is not None else ""
        say(
            f"{cause.code} {cause.name} ({cause.severity}, confidence {cause.confidence:.0%}"
            f"{onset}): {cause.message}",
            style=_STYLES[cause.severity],
        )
        if group.symptoms:
            say("  symptoms: " + ", ".join(f"{s.code} {s.name}" for s in group.symptoms))
        say(f"  try: {cause.remedy}", style="dim")
