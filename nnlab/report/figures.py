"""What a figure draws: the trials of a scope as series, and where their numbers come from."""

from collections.abc import Mapping
from dataclasses import dataclass

import nnlab
from nnlab import store
from nnlab.errors import UsageError
from nnlab.plots.series import Series
from nnlab.report.ranking import Scope, rank
from nnlab.space import label


@dataclass(frozen=True, slots=True)
class Drawn:
    """Series, best first; how many runs they hold; how many trials are not among them.

    `loss` is the loss that all were trained with, None where they differ.
    """

    series: tuple[Series, ...]
    loss: str | None
    runs: int
    left_out: int
    provenance: Mapping[str, str]


def series_of(db: store.Database, scope: Scope, *, top: int) -> Drawn:
    """The best trials of a scope as series of curves.

    Raises:
        UsageError: nothing was trained in that scope.
    """
    ranking = rank(db, scope, top=top)
    if not ranking.rows:
        raise UsageError(
            f"nothing to draw: no epoch of {scope.title} is finished", hint="nnlab train"
        )
    run_ids = [run_id for row in ranking.rows for run_id in row.runs]
    histories = store.histories(db, run_ids)
    findings = store.findings(db, run_ids)
    series = tuple(
        Series(
            label=label(row.setting, ranking.fields) or scope.title,
            histories=tuple(histories[run_id] for run_id in row.runs),
            findings=tuple(f for run_id in row.runs for f in findings.get(run_id, ())),
            selected=int(row.epoch) if row.epoch is not None else None,
        )
        for row in ranking.rows
    )
    provenance = {
        "nnlab": nnlab.__version__,
        "database": db.address.shown,
        "scope": scope.title,
        "ranked by": f"{ranking.objective} at {ranking.at}",
        "runs": ", ".join(map(str, run_ids)),
    }
    losses = {str(row.setting["loss"]) for row in ranking.rows}
    return Drawn(
        series,
        losses.pop() if len(losses) == 1 else None,
        len(run_ids),
        ranking.total - len(ranking.rows),
        provenance,
    )
