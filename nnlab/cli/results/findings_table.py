"""Findings on the screen and for programs."""

from collections.abc import Mapping, Sequence
from typing import Any

from nnlab.cli.output.render import say
from nnlab.diagnose import group_symptoms
from nnlab.records import Finding, Severity

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: ""}


def print_findings(findings: Sequence[Finding]) -> None:
    """Causes with their numbers and what to try, what follows from them in a line below."""
    if not findings:
        say("no findings")
    for one in group_symptoms(findings):
        found = one.finding
        onset = f", from epoch {found.onset}" if found.onset is not None else ""
        say(
            f"{found.code} {found.name} ({found.severity}, {found.confidence:.0%} sure{onset}):"
            f" {found.message}",
            style=_STYLES[found.severity],
        )
        if one.symptoms:
            say("  with it: " + ", ".join(f"{s.code} {s.name}" for s in one.symptoms))
        say(f"  try: {found.remedy}", style="dim")


def finding_json(finding: Finding) -> Mapping[str, Any]:
    """A finding with stable keys (docs/formats.md)."""
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": str(finding.severity),
        "confidence": finding.confidence,
        "onset": finding.onset,
        "message": finding.message,
        "remedy": finding.remedy,
        "evidence": dict(finding.evidence),
    }
