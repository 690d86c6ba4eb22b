"""Tables of findings, a row for each run or log; used by `nnlab diagnose`."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from nnlab.analysis.plain_values import finding_values
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, print_json, render
from nnlab.diagnosis import group_symptoms
from nnlab.io.text import axis_word, position_number
from nnlab.records import Finding


def finding_columns(axes: Collection[str]) -> tuple[TableColumn, ...]:
    """The columns of the first finding; positions are epochs, steps or both."""
    return (
        TableColumn("code", "code"),
        TableColumn("name", "finding", wrap=True),
        TableColumn("severity", "severity", priority=2),
        TableColumn(
            "confidence", "confidence", lambda value: f"{value:.0%}", align_right=True, priority=3
        ),
        TableColumn(
            "onset",
            f"from {axis_word(axes)}",
            lambda onset: position_number(onset, axes),
            align_right=True,
            priority=2,
        ),
        TableColumn("message", "evidence", wrap=True, priority=1),
        TableColumn("others", "other findings", ", ".join, wrap=True, priority=4),
    )


def finding_cells(findings: Sequence[Finding]) -> dict[str, Any]:
    """The cells of the first finding, and the codes of the others."""
    first = group_symptoms(findings)[0].finding if findings else None
    return {
        "code": first.code if first else None,
        "name": first.name if first else None,
        "severity": str(first.severity) if first else None,
        "confidence": first.confidence if first else None,
        "onset": first.onset if first else None,
        "message": first.message if first else None,
        "others": [finding.code for finding in findings if finding is not first],
    }


def print_finding_rows(
    rows: Sequence[Mapping[str, Any]],
    findings: Sequence[Sequence[Finding]],
    columns: Sequence[TableColumn],
    output_format: Format,
) -> None:
    """Prints rows in a format; JSON has all findings of each."""
    if output_format is Format.JSON:
        print_json(
            [
                {**row, "findings": [finding_values(finding) for finding in group]}
                for row, group in zip(rows, findings, strict=True)
            ]
        )
    else:
        render(rows, columns, output_format)
