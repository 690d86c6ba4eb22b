"""Findings are counted by code, and the surest runs of each code are found in one query."""

from store.store_fixtures import StoreHarness

from nnlab import store
from nnlab.records import Epoch, Finding, Severity, Status


def finding(code: str, confidence: float, severity: Severity = Severity.WARNING) -> Finding:
    return Finding(code, "a name", severity, confidence, 1, "a message", "a remedy", {})


def diagnosed(harness: StoreHarness, run_id: int, *findings: Finding) -> None:
    writer = harness.writer([run_id])
    writer.write(Epoch(1, {"val/loss": 0.5}, 0.1))
    writer.finish(
        Status.FINISHED, selected_epoch=1, reason=None, wall_seconds=1.0, device_seconds=1.0,
        findings=findings,
    )  # fmt: skip


def test_counts_and_surest_runs(harness: StoreHarness) -> None:
    first, second, third, _ = harness.queue(4)
    diagnosed(harness, first, finding("NN101", 0.6), finding("NN204", 0.9, Severity.INFO))
    diagnosed(harness, second, finding("NN101", 0.9))
    diagnosed(harness, third, finding("NN101", 0.9, Severity.ERROR))
    counts = store.finding_counts(harness.db)
    assert [(count.code, str(count.severity), count.runs) for count in counts] == [
        ("NN101", "error", 1),
        ("NN101", "warning", 2),
        ("NN204", "info", 1),
    ]
    # Equal confidences are in the order of the runs.
    surest = store.surest_runs(harness.db, limit=2)
    assert surest == {"NN101": (second, third), "NN204": (first,)}


def test_a_scope_limits_both(harness: StoreHarness) -> None:
    first, second = harness.queue(2)
    diagnosed(harness, first, finding("NN101", 0.6))
    diagnosed(harness, second, finding("NN102", 0.6))
    assert store.surest_runs(harness.db, run_ids=[second], limit=5) == {"NN102": (second,)}
    by_study = store.finding_counts(harness.db, study_ids=[harness.study.id])
    assert [count.code for count in by_study] == ["NN101", "NN102"]
    assert store.finding_counts(harness.db, study_ids=[harness.study.id + 1]) == ()
