"""The tables that the methods of `Results` return: studies, runs, findings."""

from collections.abc import Mapping
from typing import Any

from nnlab.analysis.gate import LedgerRow
from nnlab.analysis.plain_values import finding_values, run_values, study_values
from nnlab.analysis.run_overview import RunOverview
from nnlab.api.record_table import RecordTable
from nnlab.records import Finding, Status
from nnlab.store import StudyOverview
from nnlab.study.gate_values import LEDGER_KEYS, ledger_values


class StudyTable(RecordTable[StudyOverview]):
    """Studies with their progress, oldest first."""

    noun = "study"
    shown = ("study", "question", "objective", "trials", "seeds", "runs", "finished", "failed")

    def _values(self, record: StudyOverview) -> Mapping[str, Any]:
        return study_values(record)

    def _columns(self) -> tuple[str, ...]:
        counts = tuple(str(status) for status in Status)
        return ("study", "question", "objective", "trials", "seeds", "runs", *counts)

    def _heading(self) -> str:
        return f"{len(self):,} {'study' if len(self) == 1 else 'studies'}"


class RunTable(RecordTable[RunOverview]):
    """Runs with their metrics and findings."""

    noun = "run"
    shown = (
        "run", "study", "name", "trial", "seed", "status", "epochs", "metric", "best", "best_epoch",
        "flags",
    )  # fmt: skip

    def _values(self, record: RunOverview) -> Mapping[str, Any]:
        # The last value of the objective is additional to what `nnlab ls` lists.
        return {**run_values(record), "last": record.last}

    def _columns(self) -> tuple[str, ...]:
        return (
            "run", "study", "name", "trial", "arm", "seed", "status", "epochs", "epochs_planned",
            "val_rmse", "val_mae", "metric", "best", "best_epoch", "last", "flags", "tags",
            "started_at", "origin", "axis",
        )  # fmt: skip


class LedgerTable(RecordTable[LedgerRow]):
    """The candidates that a gate has tested, oldest first."""

    noun = "candidate"
    shown = ("entry", "study", "candidate", "verdict", "effect", "p", "level", "seeds_used", "best")

    def _values(self, record: LedgerRow) -> Mapping[str, Any]:
        return ledger_values(record)

    def _columns(self) -> tuple[str, ...]:
        return LEDGER_KEYS


class FindingTable(RecordTable[Finding]):
    """Findings: causes before their symptoms, hints last."""

    noun = "finding"
    shown = ("code", "name", "severity", "confidence", "onset", "message", "remedy")

    def _values(self, record: Finding) -> Mapping[str, Any]:
        return finding_values(record)

    def _columns(self) -> tuple[str, ...]:
        return (*self.shown, "evidence")
