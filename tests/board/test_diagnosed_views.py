"""The data of the views "Findings" and "Queue", from a database with known runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from store.store_fixtures import StoreHarness, make_harness

from nnlab import store
from nnlab.analysis.scope import Scope
from nnlab.board.context import BoardContext
from nnlab.board.parameters import Parameters
from nnlab.board.views.evidence import read_evidence
from nnlab.board.views.findings import MAX_CASES, read_findings
from nnlab.board.views.queue import read_queue
from nnlab.errors import UnknownName
from nnlab.records import Epoch, Finding, Severity, Status

NOTHING = Parameters({})


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[StoreHarness]:
    made = make_harness(tmp_path / "runs.db")
    yield made
    made.db.close()


@pytest.fixture
def context(harness: StoreHarness) -> BoardContext:
    return BoardContext(harness.db, Scope("runs.db"))


def finding(code: str, confidence: float, severity: Severity = Severity.WARNING) -> Finding:
    return Finding(
        code, f"name of {code}", severity, confidence, 3, f"message of {code}", "a remedy",
        {"rise": 0.5},
    )  # fmt: skip


def diagnosed(harness: StoreHarness, run_id: int, *findings: Finding, epochs: int = 6) -> None:
    """A run whose validation loss rises from epoch 3 on, with these findings."""
    writer = harness.writer([run_id])
    for number in range(1, epochs + 1):
        losses = {"train/loss": 1 / number, "val/loss": 1 / number + 0.1 * max(number - 3, 0)}
        writer.write(Epoch(number, losses, 0.1))
    writer.finish(
        Status.FINISHED, selected_epoch=3, reason=None, wall_seconds=1.0, device_seconds=1.0,
        findings=findings,
    )  # fmt: skip


def test_findings_are_listed_as_in_the_report(harness: StoreHarness, context: BoardContext) -> None:
    first, second, third = harness.queue(3)
    diagnosed(harness, first, finding("NN101", 0.7), finding("NN204", 0.6, Severity.INFO))
    diagnosed(harness, second, finding("NN101", 0.9))
    diagnosed(harness, third, finding("NN201", 0.9, Severity.ERROR))
    answer = read_findings(context, NOTHING)
    assert answer["runs"] == 3
    # Overfitting is first, as in the report, then errors.
    overfitting, diverged, noisy = answer["findings"]
    assert [overfitting["code"], diverged["code"], noisy["code"]] == ["NN101", "NN201", "NN204"]
    assert [case["run"] for case in overfitting["cases"]] == [second, first]
    case = overfitting["cases"][0]
    assert (case["onset"], case["confidence"], case["axis"]) == (3, 0.9, "epoch")
    assert case["message"] == "message of NN101"
    path = context.db.address.display_name
    assert case["command"] == f"nnlab remedy {second} --dry-run --db {path}"
    assert overfitting["explain_command"] == "nnlab explain NN101"
    assert overfitting["explanation"][0].startswith("Overfitting: validation loss")
    assert answer["remedies"] == ""


def test_findings_are_limited_to_the_selection_and_bounded(
    harness: StoreHarness, context: BoardContext
) -> None:
    runs = harness.queue(MAX_CASES + 3)
    for run_id in runs:
        diagnosed(harness, run_id, finding("NN102", 0.8), epochs=4)
    (summary,) = read_findings(context, NOTHING)["findings"]
    assert (summary["runs"], len(summary["cases"])) == (MAX_CASES + 3, MAX_CASES)
    selected = read_findings(context, Parameters({"runs": f"{runs[1]},{runs[2]}"}))
    assert selected["findings"][0]["runs"] == 2
    narrow = BoardContext(harness.db, Scope("one", runs=(runs[0],)))
    assert read_findings(narrow, NOTHING)["findings"][0]["runs"] == 1


def test_the_evidence_is_plotted_with_onset_and_range(
    harness: StoreHarness, context: BoardContext
) -> None:
    (run_id,) = harness.queue(1)
    diagnosed(harness, run_id, finding("NN101", 0.9))
    evidence = read_evidence(context, Parameters({"run": str(run_id), "code": "NN101"}))
    (panel,) = evidence["panels"]
    assert [line["metric"] for line in panel["lines"]] == ["train/loss", "val/loss"]
    assert (panel["onset"], panel["rule"], panel["shaded"]) == (3, "onset", [3, 6])
    train, val = panel["lines"]
    assert list(val["x"]) == [1, 2, 3, 4, 5, 6]
    assert val["low"] is None
    assert val["best"] == [3, pytest.approx(1 / 3)]
    assert train["best"] is None
    assert evidence["measurements"] == {"rise": 0.5}


def test_long_evidence_keeps_its_extremes(harness: StoreHarness, context: BoardContext) -> None:
    (run_id,) = harness.queue(1)
    writer = harness.writer([run_id])
    for number in range(1, 2001):
        value = 9.0 if number == 777 else float("nan") if number == 5 else 1.0
        writer.write(Epoch(number, {"val/loss": value}, 0.1))
    writer.finish(
        Status.FINISHED, selected_epoch=None, reason=None, wall_seconds=1.0, device_seconds=1.0,
        findings=[finding("NN102", 0.9)],
    )  # fmt: skip
    evidence = read_evidence(context, Parameters({"run": str(run_id), "code": "NN102"}))
    (line,) = evidence["panels"][0]["lines"]
    assert len(line["x"]) <= 600
    assert (line["count"], line["non_finite"]) == (2000, [5])
    assert max(line["high"]) == 9.0


def test_evidence_outside_of_the_board_is_unknown(
    harness: StoreHarness, context: BoardContext
) -> None:
    first, second = harness.queue(2)
    diagnosed(harness, first, finding("NN101", 0.9))
    narrow = BoardContext(harness.db, Scope("one", runs=(second,)))
    request = Parameters({"run": str(first), "code": "NN101"})
    with pytest.raises(UnknownName, match="run"):
        read_evidence(narrow, request)
    with pytest.raises(UnknownName, match="NN102"):
        read_evidence(context, Parameters({"run": str(first), "code": "NN102"}))


def test_the_queue_shows_workers_ended_leases_and_failures(
    harness: StoreHarness, context: BoardContext
) -> None:
    busy, dead, failed, held, _ = harness.queue(5)
    harness.writer([busy]).write(Epoch(1, {"val/loss": 0.5}, 0.1))
    assert harness.claim([dead], lease_seconds=-1) is not None
    claim = harness.claim([failed])
    assert claim is not None
    traceback = "Traceback\n" + "x" * 20_000 + "\nValueError: <b>no</b>"
    store.release_run(
        harness.db, claim, Status.FAILED, reason="ValueError: no", traceback=traceback
    )
    store.request_stop(harness.db, [held])
    answer = read_queue(context, NOTHING)
    (lease,) = answer["leases"]
    assert (lease["run"], lease["epochs"], lease["stopping"]) == (busy, 1, False)
    assert lease["epochs_per_second"] > 0
    assert [lease["run"] for lease in answer["ended_leases"]] == [dead]
    (study,) = answer["studies"]
    assert (study["study"], study["queued"], study["running"]) == ("depth", 2, 1)
    assert (study["interrupted"], study["failed"], study["stopped_waiting"]) == (1, 1, 1)
    assert study["epochs_planned"] == 15
    (failure,) = answer["failures"]
    assert (failure["run"], failure["reason"]) == (failed, "ValueError: no")
    assert len(failure["traceback"]) < 9000
    assert failure["traceback"].endswith("ValueError: <b>no</b>")


def test_the_queue_of_the_selection(harness: StoreHarness, context: BoardContext) -> None:
    first, second, _ = harness.queue(3)
    for run_id in (first, second):
        assert harness.claim([run_id]) is not None
    answer = read_queue(context, Parameters({"runs": str(second)}))
    assert [lease["run"] for lease in answer["leases"]] == [second]
    assert answer["total"]["runs"] == 1
    assert answer["studies"][0]["runs"] == 1
    assert read_queue(context, Parameters({"study": "depth"}))["total"]["runs"] == 3
