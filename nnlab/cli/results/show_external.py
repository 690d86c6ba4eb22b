"""What `nnlab show` adds for runs of other programs: where they come from, results, samples."""

from collections.abc import Mapping
from typing import Any

from nnlab import store
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, render
from nnlab.errors import UnknownName
from nnlab.io.text import format_count
from nnlab.records import Origin, Run
from nnlab.settings.setting_differences import format_value

_ORIGIN_TEXTS = {
    Origin.SCRIPT: "a script that nnlab started",
    Origin.RECORDED: "recorded by a program",
    Origin.IMPORTED: "imported",
}
_SAMPLE_COLUMNS = (
    TableColumn("number", "call", align_right=True, priority=2),
    TableColumn("step", "step", lambda step: f"{step:,}", align_right=True),
    TableColumn("epoch", "epoch", lambda epoch: f"{epoch:g}", align_right=True, priority=1),
    TableColumn("time", "time", lambda time: f"{time:.3f}", align_right=True, priority=1),
    TableColumn("value", "value", lambda value: f"{value:.6g}", align_right=True),
)


def external_lines(db: store.Database, run: Run) -> list[tuple[str, str]]:
    """Labels and texts: the origin and source of a run, its final values, its samples."""
    if not run.origin.is_external:
        return []
    source = store.sources(db, [run.id]).get(run.id)
    lines = [("Origin", _ORIGIN_TEXTS[run.origin])]
    if source is not None:
        lines[0] = ("Origin", f"{_ORIGIN_TEXTS[run.origin]} from {source.kind}: {source.location}")
        for note in source.notes:
            count = f" ({note.count:,} times)" if note.count > 1 else ""
            lines.append(("Import note", f"{note.message}{count}"))
    if run.results:
        values = ", ".join(f"{name} {format_value(v)}" for name, v in run.results.items())
        lines.append(("Results", values))
    if samples := store.count_samples(db, run.id):
        lines.append(("Logged", format_count(samples, "value")))
    return lines


def external_json(db: store.Database, run: Run) -> Mapping[str, Any]:
    """The same with stable keys (docs/formats.md); None and empty for runs of nnlab."""
    source = store.sources(db, [run.id]).get(run.id)
    nested = store.nested_settings(db, [run.trial.id]).get(run.trial.id)
    return {
        "results": dict(run.results),
        "samples": store.count_samples(db, run.id),
        "nested_setting": nested,
        "source": None
        if source is None
        else {
            "kind": source.kind,
            "external_id": source.external_id,
            "location": source.location,
            "imported_at": source.imported_at.isoformat(),
            "metric_names": dict(source.metric_names),
            "notes": [
                {"code": note.code, "message": note.message, "count": note.count}
                for note in source.notes
            ],
        },
    }


def print_samples(db: store.Database, run: Run, metric: str, output_format: Format) -> None:
    """Prints every value of a metric that the program has logged, in the order of the calls.

    Raises:
        UnknownName: the run has no samples of that metric.
    """
    samples = store.samples(db, run.id, [metric])
    if not samples:
        names = {item.metric for _, item in store.samples(db, run.id)}
        raise UnknownName(f"metric of run {run.id} with samples:", metric, sorted(names))
    rows = [
        {
            "number": number,
            "step": item.step,
            "epoch": item.epoch,
            "time": item.time,
            "value": item.value,
        }
        for number, item in samples
    ]
    render(rows, _SAMPLE_COLUMNS, output_format)
