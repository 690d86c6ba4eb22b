"""`nnlab plot profile`: performance profiles of methods over data sets."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.analysis.across_tasks import compare_across_tasks
from nnlab.analysis.scope import resolve_scope
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.io.text import format_count
from nnlab.stats.across_tasks import PROFILE_THRESHOLDS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def profile(
    db: store.Database, words: Sequence[str], *, across: str, by: str | None = None
) -> PreparedFigure:
    """The values of the field `across` as methods, over all data sets that all were trained on.

    Raises:
        UnknownName: a word is neither a study nor a run; no such metric or field.
        UsageError: not two values, or no data set that all were trained on.
    """
    found = compare_across_tasks(db, resolve_scope(db, words), across.replace("-", "_"), by=by)

    def draw() -> "Figure":
        from nnlab.figures.draw.profile import profile as drawn

        return drawn(found.methods, len(found.tasks))

    rows = [
        (method.name, at, share)
        for method in found.methods
        for at, share in zip(PROFILE_THRESHOLDS, method.profile, strict=True)
    ]
    told = f"{format_count(len(found.methods), 'method')} over {', '.join(found.tasks)}"
    left = (
        [f"not on all data sets, left out: {', '.join(found.left_out)}"] if found.left_out else []
    )
    return PreparedFigure(
        draw,
        numbers((found.field, "score", "runs above"), rows),
        found.runs,
        told,
        (*found.notes, *left),
    )
