"""The verdict of a gate as values for JSON, with the commands that follow from it."""

import math
from collections.abc import Mapping
from typing import Any

from nnlab import store
from nnlab.analysis.gate import LedgerRow, current_runs_by_seed
from nnlab.io.command_line import quote_command
from nnlab.records import GateVerdictName
from nnlab.study.gate import GateAnswer, GateOptions, GatePlan
from nnlab.study.gate_candidate import GateCandidate

# The exit codes of `nnlab gate`; errors have those of `nnlab.errors`.
EXIT_CODES: Mapping[GateVerdictName, int] = {
    "baseline": 0,
    "keep": 0,
    "discard": 10,
    "not yet": 11,
}


# The keys of `ledger_values`, in their order.
LEDGER_KEYS = (
    "entry", "study", "candidate", "verdict", "effect", "low", "high", "p", "level", "seeds_used",
    "max_seeds", "reason", "best", "objective", "min_effect", "candidate_trial", "baseline_trial",
    "created_at", "ended_at",
)  # fmt: skip


def answer_values(db: store.Database, answer: GateAnswer) -> dict[str, Any]:
    """The verdict on a candidate as `nnlab gate --format json` prints it.

    Unknown values are None: the bounds of the interval with too few pairs, or everything that a
    comparison gives, for the first baseline.
    """
    entry = answer.entry
    runs, baseline_runs = (
        {} if trial is None else current_runs_by_seed(db, answer.study, trial)
        for trial in (answer.candidate, answer.baseline)
    )
    return {
        "verdict": entry.verdict,
        "effect": entry.effect,
        "interval": [_known(entry.low), _known(entry.high)],
        "p": entry.p,
        "level": entry.level,
        "seeds_used": len(entry.seeds),
        "expected_seeds_left": entry.expected_left,
        "reason": entry.reason,
        "exit_code": EXIT_CODES[entry.verdict or "not yet"],
        "from_ledger": answer.from_ledger,
        "study": answer.study.name,
        "objective": str(entry.objective),
        "min_effect": entry.min_effect,
        "max_seeds": entry.max_seeds,
        "seeds": list(entry.seeds),
        "change": answer.change,
        "entry": entry.id,
        "candidate": {
            "trial": answer.candidate.id,
            "runs": [runs[seed].id for seed in sorted(runs)],
        },
        "baseline": None
        if answer.baseline is None
        else {
            "trial": answer.baseline.id,
            "runs": [baseline_runs[seed].id for seed in sorted(baseline_runs)],
        },
        "best_trial": answer.best_trial,
        "commands": {
            "ledger": quote_command("nnlab", "gate", "--study", answer.study.name, "--ledger"),
            "plot": quote_command("nnlab", "plot", "gate", answer.study.name, "-o", "gate.pdf"),
        },
    }


def plan_values(
    plan: GatePlan | None, candidate: GateCandidate, options: GateOptions
) -> dict[str, Any]:
    """What a dry run prints with `--format json`: what a gate would compare.

    `verdict` is that of the ledger, or None if runs would be trained; `baseline` is None if there
    is none yet.
    """
    entry = None if plan is None else plan.entry
    return {
        "dry_run": True,
        "verdict": None if entry is None else entry.verdict,
        "entry": None if entry is None else entry.id,
        "study": candidate.study,
        "objective": str(candidate.objective),
        "min_effect": options.min_effect,
        "max_seeds": options.max_seeds,
        "baseline": None if plan is None else plan.baseline.id,
        "is_baseline": plan is None or plan.is_baseline,
        "change": None if plan is None else plan.change,
        "candidate_runs": 0 if plan is None else plan.candidate_runs,
        "baseline_runs": 0 if plan is None else plan.baseline_runs,
    }


def ledger_values(row: LedgerRow) -> dict[str, Any]:
    """An entry of a ledger as `nnlab gate --ledger` lists it."""
    entry = row.entry
    return {
        "entry": entry.id,
        "study": entry.study,
        "candidate": row.candidate,
        "verdict": entry.verdict,
        "effect": entry.effect,
        "low": _known(entry.low),
        "high": _known(entry.high),
        "p": entry.p,
        "level": entry.level,
        "seeds_used": len(entry.seeds),
        "max_seeds": entry.max_seeds,
        "reason": entry.reason,
        "best": row.is_best,
        "objective": str(entry.objective),
        "min_effect": entry.min_effect,
        "candidate_trial": entry.candidate_trial,
        "baseline_trial": entry.baseline_trial,
        "created_at": entry.created_at.isoformat(),
        "ended_at": None if entry.ended_at is None else entry.ended_at.isoformat(),
    }


def _known(bound: float) -> float | None:
    return bound if math.isfinite(bound) else None
