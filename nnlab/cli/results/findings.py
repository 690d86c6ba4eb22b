"""Output of findings as text, used by several commands."""

from collections.abc import Sequence

from nnlab.cli.output.render import say
from nnlab.diagnosis import group_symptoms
from nnlab.io.text import position_text
from nnlab.records import Axis, Finding, Severity

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: ""}


def print_findings(
    findings: Sequence[Finding], *, axis: Axis = "epoch", notes: Sequence[str] = ()
) -> None:
    """Prints causes with their evidence and remedy, and a line with the symptoms of each cause.

    Args:
        findings: causes before their symptoms.
        axis: what their onsets are.
        notes: what is missing in the curves; printed last.
    """
    if not findings:
        say("no findings")
    for group in group_symptoms(findings):
        cause = group.finding
        onset = "" if cause.onset is None else f", from {position_text(cause.onset, axis)}"
        say(
            f"{cause.code} {cause.name} ({cause.severity}, confidence {cause.confidence:.0%}"
            f"{onset}): {cause.message}",
            style=_STYLES[cause.severity],
        )
        if group.symptoms:
            say("  symptoms: " + ", ".join(f"{s.code} {s.name}" for s in group.symptoms))
        say(f"  try: {cause.remedy}", style="dim")
    for note in notes:
        say(note, style="dim")
