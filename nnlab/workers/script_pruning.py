"""Pruning of scripts: ends a poor run early, by the points that it has logged."""

from nnlab import store
from nnlab.records import Run
from nnlab.scripts.objectives import find_objective_metric
from nnlab.search.pruners import PRUNERS, PeerRun, PrunerRequest, is_decision_epoch


class ScriptPruning:
    """Applies the pruner of a study to one run; evaluations take the place of epochs."""

    def __init__(self, db: store.AnyDatabase, run: Run, pruner: str) -> None:
        """Starts with the points of earlier attempts as if they were new.

        Args:
            db: where the runs of the study are stored.
            run: the run.
            pruner: a key of `PRUNERS`.
        """
        self._db, self._run, self._pruner = db, run, pruner
        self._checked = 0

    def check(self) -> tuple[int, str] | None:
        """The position and the reason to end the run after its newest evaluation, or None.

        Raises:
            StoreError: the points cannot be read.
        """
        stored = store.find_objective(self._db, self._run.id)
        history = store.history(self._db, self._run.id)
        objective = None if stored is None else find_objective_metric(stored, history.metrics)
        curve = None if objective is None else history.get(objective.metric)
        if curve is None or objective is None:
            return None
        while self._checked < len(curve):
            self._checked += 1
            position = curve.epochs[self._checked - 1]
            # A script does not say how many evaluations it will make.
            if not is_decision_epoch(self._pruner, self._checked, 0):
                continue
            peers = store.peer_runs(self._db, self._run, metric=objective.metric, epoch=position)
            reason = PRUNERS[self._pruner](
                PrunerRequest(
                    objective,
                    position,
                    0,
                    curve.values[: self._checked],
                    [
                        PeerRun(peer.value, peer.complete)
                        for peer in peers
                        if peer.value is not None
                    ],
                    sum(peer.complete for peer in peers),
                )
            )
            if reason is not None:
                return position, reason
        return None
