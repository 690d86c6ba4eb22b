"""Pruning: ends a run early if its objective is worse than that of the other runs of its study."""

from nnlab import store
from nnlab.objective import Objective
from nnlab.records import Epoch, Run
from nnlab.search.pruners import PRUNERS, PeerRun, PrunerRequest, is_decision_epoch


class PruningMonitor:
    """Applies a pruner to one run of a study."""

    def __init__(self, db: store.AnyDatabase, run: Run, pruner: str) -> None:
        """Reads the history of a resumed run.

        Args:
            db: where the runs of the study are stored.
            run: the run.
            pruner: a key of `PRUNERS`.
        """
        self._db, self._run, self._pruner = db, run, pruner
        self._objective = Objective.parse(str(run.trial.setting["objective"]))
        curve = store.history(db, run.id).get(self._objective.metric)
        self._values = dict(curve) if curve else {}

    def check_epoch(self, epoch: Epoch) -> str | None:
        """The reason to end the run after this epoch, or None.

        Raises:
            StoreError: the other runs cannot be read.
        """
        self._values[epoch.number] = epoch.values[self._objective.metric]
        planned = self._run.epochs_planned
        if not is_decision_epoch(self._pruner, epoch.number, planned):
            return None
        peers = store.peer_runs(
            self._db, self._run, metric=self._objective.metric, epoch=epoch.number
        )
        return PRUNERS[self._pruner](
            PrunerRequest(
                self._objective,
                epoch.number,
                planned,
                [self._values[n] for n in sorted(self._values) if n <= epoch.number],
                [PeerRun(peer.value, peer.complete) for peer in peers if peer.value is not None],
                sum(peer.complete for peer in peers),
            )
        )
