"""Which choices of trials matter, by the values that were tried."""

from dataclasses import dataclass

from nnlab import store
from nnlab.errors import UsageError
from nnlab.report.ranking import Ranking, rank
from nnlab.report.scope import Scope
from nnlab.stats.variance import Share

# Pairs that contribute less are not worth a line.
_LEAST_PAIR = 0.02


@dataclass(frozen=True, slots=True)
class Effects:
    """Shares of the variance, largest first; `left` trials have no finite value."""

    ranking: Ranking
    shares: tuple[Share, ...]
    left: int

    @property
    def worth(self) -> list[Share]:
        """Every choice, and pairs that contribute something, the largest share first."""
        told = [s for s in self.shares if len(s.fields) == 1 or s.share >= _LEAST_PAIR]
        return sorted(told, key=lambda share: -share.share)


def effects_of(db: store.Database, scope: Scope, *, by: str | None = None) -> Effects:
    """The shares of all choices in which the trials of a scope differ, and of their pairs.

    Raises:
        UnknownName: no run has that metric.
        UsageError: too few trials, or nothing that differs.
    """
    ranking = rank(db, scope, by=by)
    rows = [row for row in ranking.rows if row.value.mean == row.value.mean]
    from nnlab.stats.variance import shares_of

    try:
        shares = shares_of(
            [{name: row.setting.get(name) for name in ranking.fields} for row in rows],
            [row.value.mean for row in rows],
        )
    except ValueError as error:
        raise UsageError(f"{scope.title}: {error}") from error
    return Effects(ranking, tuple(shares), len(ranking.rows) - len(rows))
