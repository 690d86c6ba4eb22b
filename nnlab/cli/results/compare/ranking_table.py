"""A ranking on the screen, in every format."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from nnlab.analysis.ranking import Ranking, Row
from nnlab.analysis.run_epochs import test_metric
from nnlab.cli.options import Format
from nnlab.cli.output.render import Column, print_json, render, say
from nnlab.config.space import shown
from nnlab.stats import format_interval, format_mean
from nnlab.stats.comparison import Against

# Tables that are printed; of further groups only the names.
_MOST_TABLES = 8


def print_rankings(rankings: Sequence[Ranking], how: Format) -> None:
    """Prints a ranking for each group of comparable runs, in one document of the format."""
    if how is Format.JSON:
        first, *others = map(as_json, rankings)
        print_json({**first, "other_groups": others})
    elif how is Format.CSV and len(rankings) > 1:
        _print_one_csv(rankings)
    elif len(rankings) == 1:
        print_ranking(rankings[0], how)
    else:
        groups = len(rankings)
        say(f"{groups} groups of runs that are not comparable with each other", style="bold")
        for place, ranking in enumerate(rankings[:_MOST_TABLES]):
            if place == 0 or footnotes(rankings[place - 1]):
                say()
            say(ranking.heading, style="bold")
            print_ranking(ranking, how)
        if groups > _MOST_TABLES:
            names = "; ".join(ranking.heading for ranking in rankings[_MOST_TABLES:])
            say(f"not shown: {names}; name a study or runs to see them", style="dim")


def print_ranking(ranking: Ranking, how: Format) -> None:
    """Prints the rows; on the screen also the notes that must be read with them."""
    if ranking.rows or not ranking.heading:
        render([_cells(row, ranking) for row in ranking.rows], columns_of(ranking), how)
    if how is Format.CSV:
        return
    for line in footnotes(ranking):
        say(line, style="dim")


def _print_one_csv(rankings: Sequence[Ranking]) -> None:
    """The rows of all groups, with the group's name and metric first and the columns of all."""
    columns = {
        column.key: column for ranking in rankings for column in columns_of(ranking)
    }  # the same key has the same value in each
    fields = {field: None for ranking in rankings for field in ranking.fields}
    ordered = ["rank", *fields, *(key for key in columns if key != "rank" and key not in fields)]
    rows = [
        {
            **{field: row.setting.get(field) for field in fields},
            **_cells(row, ranking),
            "group": ranking.heading,
            "metric": ranking.objective.metric,
        }
        for ranking in rankings
        for row in ranking.rows
    ]
    leading = [Column("group", "group"), Column("metric", "metric")]
    render(rows, [*leading, *(columns[key] for key in ordered)], Format.CSV)


def footnotes(ranking: Ranking) -> list[str]:
    """What must be read with the rows."""
    lines = list(ranking.notes)
    if ranking.total > len(ranking.rows):
        left = ranking.total - len(ranking.rows)
        lines.append(f"{left:,} more trials; --top 0 shows all")
    return lines


def columns_of(ranking: Ranking) -> list[Column]:
    """Rank, what differs, seeds, the metric, the epoch, the findings."""
    arrow = "lower is better" if ranking.objective.direction == "min" else "higher is better"
    title = f"{ranking.objective.metric} ({arrow})"
    return [
        Column("rank", "#", right=True),
        *(Column(field, field, shown) for field in ranking.fields),
        *([Column("trial", "trial", right=True)] if ranking.alike else []),
        Column("n", "n", right=True),
        Column("mean_sd", title, right=True),
        *_standing_columns(ranking),
        Column("mean", "mean", hidden=True),
        Column("sd", "sd", hidden=True),
        Column(
            "epoch",
            "best epoch" if ranking.at == "best" else "epoch",
            _epoch,
            right=True,
            priority=3,
        ),
        *_test_columns(ranking),
        Column("flags", "flags", _flags, wrap=True, priority=2),
        *(
            [Column("different_data", "data", lambda differs: "differs!" if differs else "")]
            if any(row.different_data for row in ranking.rows)
            else []
        ),
        Column("runs", "runs", hidden=True),
    ]


def _standing_columns(ranking: Ranking) -> list[Column]:
    """Intervals, tiers and the difference from the best, once there are two seeds."""
    if not any(row.interval for row in ranking.rows):
        return []
    alone = len(ranking.rows) < 2
    untiered = not any(row.tier for row in ranking.rows)
    return [
        Column("interval", "95 % interval", _interval, right=True, priority=1),
        Column("tier", "tier", right=True, hidden=alone or untiered, priority=1),
        Column("behind", "behind the best", _interval, right=True, hidden=alone, priority=4),
        Column("p", "p", _p_value, right=True, hidden=alone, priority=2),
        Column("better", "P(best better)", lambda share: f"{share:.2f}", right=True, hidden=True),
    ]


def _p_value(p: float) -> str:
    return "<0.0001" if p < 1e-4 else f"{p:.2g}"


def _interval(bounds: Sequence[float]) -> str:
    return format_interval(*bounds)


def _test_columns(ranking: Ranking) -> list[Column]:
    """The values on the test split, if any, and their epoch where the values are of another."""
    if not ranking.has_test:
        return []
    name = test_metric(ranking.objective)
    return [
        Column("test", f"{name} there" if ranking.test_there else name, right=True, priority=1),
        Column(
            "test_epoch", "test epoch", _epoch, right=True, hidden=ranking.test_there, priority=1
        ),
        Column("test_mean", "test mean", hidden=True),
        Column("test_sd", "test sd", hidden=True),
    ]


def _cells(row: Row, ranking: Ranking) -> Mapping[str, Any]:
    return {
        "rank": row.rank,
        "trial": ", ".join(map(str, row.trials)),
        **{field: row.setting.get(field) for field in ranking.fields},
        "n": row.value.n,
        "mean_sd": format_mean(row.value.mean, row.value.sd),
        "mean": row.value.mean,
        "sd": row.value.sd,
        "interval": row.interval,
        "tier": row.tier,
        "behind": (row.against.low, row.against.high) if row.against else None,
        "p": row.against.adjusted if row.against else None,
        "better": row.against.better if row.against else None,
        "epoch": row.epoch,
        "test": format_mean(row.test.mean, row.test.sd) if row.test and row.test.n else None,
        "test_epoch": row.test_epoch,
        "test_mean": row.test.mean if row.test else None,
        "test_sd": row.test.sd if row.test else None,
        "different_data": row.different_data,
        "flags": {code: [count, len(row.runs)] for code, count in row.flags.items()},
        "runs": list(row.runs),
    }


def _epoch(epoch: float) -> str:
    return f"{epoch:g}"


def _flags(flags: Mapping[str, tuple[int, int]]) -> str:
    return ", ".join(f"{code} {count}/{runs}" for code, (count, runs) in flags.items())


def as_json(ranking: Ranking) -> Mapping[str, Any]:
    """The ranking with stable keys (docs/formats.md)."""
    return {
        "heading": ranking.heading,
        "by": ranking.objective.metric,
        "direction": ranking.objective.direction,
        "at": ranking.at,
        "fields": list(ranking.fields),
        "total": ranking.total,
        "notes": list(ranking.notes),
        "rows": [_row_json(row) for row in ranking.rows],
    }


def _row_json(row: Row) -> Mapping[str, Any]:
    return {
        "rank": row.rank,
        "trials": list(row.trials),
        "setting": dict(row.setting),
        "n": row.value.n,
        "missing": row.value.missing,
        "mean": row.value.mean,
        "sd": row.value.sd,
        "min": row.value.low,
        "max": row.value.high,
        "epoch": row.epoch,
        "test_mean": row.test.mean if row.test else None,
        "test_sd": row.test.sd if row.test else None,
        "test_epoch": row.test_epoch,
        "flags": dict(row.flags),
        "onsets": {code: list(epochs) for code, epochs in row.onsets.items()},
        "different_data": row.different_data,
        "interval": list(row.interval) if row.interval else None,
        "tier": row.tier,
        "against_best": _against(row.against),
        "pruned": row.pruned,
        "statuses": {str(status): count for status, count in row.statuses.items()},
        "runs": list(row.runs),
    }


def _against(found: Against | None) -> Mapping[str, Any] | None:
    return None if found is None else {**asdict(found), "told": found.told}
