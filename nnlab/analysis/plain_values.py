"""Records as plain values with stable keys (docs/formats.md), for JSON, CSV and data frames."""

from typing import TYPE_CHECKING, Any

from nnlab.records import Finding, Status

if TYPE_CHECKING:
    # For types only: a list of runs does not wait until the statistics of rankings are imported.
    from nnlab import store
    from nnlab.analysis.records import Ranking, RankingRow
    from nnlab.analysis.run_overview import RunOverview
    from nnlab.stats.comparison import BestComparison


def study_values(overview: "store.StudyOverview") -> dict[str, Any]:
    """A study with its progress, as `nnlab studies` lists it."""
    study = overview.study
    return {
        "study": study.name,
        "question": study.question,
        "objective": str(study.objective) if study.objective else None,
        "trials": overview.trials,
        "seeds": list(study.seeds),
        "runs": overview.runs,
        **{str(status): overview.by_status.get(status, 0) for status in Status},
    }


def run_values(overview: "RunOverview") -> dict[str, Any]:
    """A run, as `nnlab ls` lists it."""
    run = overview.run
    return {
        "run": run.id,
        "study": overview.study,
        "name": run.name,
        "trial": overview.label,
        "arm": overview.arm,
        "seed": run.seed,
        "status": str(run.status),
        "epochs": run.epochs,
        "epochs_planned": run.epochs_planned,
        "val_rmse": overview.errors.get("val/rmse"),
        "val_mae": overview.errors.get("val/mae"),
        "metric": overview.objective,
        "best": overview.best,
        "best_epoch": overview.best_epoch,
        "flags": list(overview.flags),
        "tags": list(run.tags),
        "started_at": run.started_at.isoformat() if run.started_at else None,
        "origin": str(run.origin),
        "axis": run.axis,
    }


def finding_values(finding: Finding) -> dict[str, Any]:
    """A finding, as `nnlab diagnose` and `nnlab show` list it."""
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


def ranking_values(ranking: "Ranking") -> dict[str, Any]:
    """A ranking with its rows, as `nnlab compare` prints it."""
    return {
        "heading": ranking.heading,
        "by": ranking.objective.metric,
        "direction": ranking.objective.direction,
        "at": ranking.at,
        "uncertainty": str(ranking.uncertainty),
        "fields": list(ranking.fields),
        "total": ranking.total,
        "notes": list(ranking.notes),
        "rows": [
            {
                **ranking_row_values(row),
                **{column.key: column.values[index] for column in ranking.extra_columns},
            }
            for index, row in enumerate(ranking.rows)
        ],
        "unranked": [
            {
                "trial": trial.trial,
                "arm": trial.arm or None,
                "setting": dict(trial.setting),
                "runs": list(trial.runs),
                "statuses": {str(status): count for status, count in trial.statuses.items()},
            }
            for trial in ranking.unranked
        ],
    }


def ranking_row_values(row: "RankingRow") -> dict[str, Any]:
    """A row of a ranking."""
    return {
        "rank": row.rank,
        "trials": list(row.trials),
        "arm": row.arm or None,
        "setting": dict(row.setting),
        "n": row.value.n,
        "missing": row.value.missing,
        "mean": row.value.mean,
        "sd": row.value.sd,
        "min": row.value.low,
        "max": row.value.high,
        "errors": {
            metric: {"mean": error.mean, "sd": error.sd} for metric, error in row.errors.items()
        },
        "epoch": row.epoch,
        "test_mean": row.test.mean if row.test else None,
        "test_sd": row.test.sd if row.test else None,
        "test_epoch": row.test_epoch,
        "flags": dict(row.flags),
        "onsets": {code: list(epochs) for code, epochs in row.onsets.items()},
        "different_data": row.different_data,
        "interval": list(row.interval) if row.interval else None,
        "tier": row.tier,
        "against_best": _comparison_values(row.comparison),
        "pruned": row.pruned,
        "statuses": {str(status): count for status, count in row.statuses.items()},
        "runs": list(row.runs),
        "best": row.is_leader,
        "working": row.working_seeds[0],
        "collapsed": list(row.collapsed),
    }


def _comparison_values(comparison: "BestComparison | None") -> dict[str, Any] | None:
    """The comparison with the keys of docs/formats.md, which differ from the names in the code."""
    if comparison is None:
        return None
    return {
        "n": comparison.n,
        "paired": comparison.paired,
        "mean": comparison.mean,
        "low": comparison.low,
        "high": comparison.high,
        "p": comparison.p,
        "adjusted": comparison.adjusted,
        "effect": comparison.effect,
        "better": comparison.improvement_probability,
        "needed": comparison.seeds_needed,
        "fewest": comparison.min_seeds,
        "told": comparison.is_significant,
    }
