"""Whether a run ends early because it does badly beside the others of its study."""

from nnlab import store
from nnlab.objective import Objective
from nnlab.records import Epoch, Run
from nnlab.search.pruners import PRUNERS, PeerRun, PrunerRequest, is_decision_epoch


class PruningMonitor:
    """Watches one run of a study with a pruner."""

    def __init__(self, db: store.AnyDatabase, run: Run, pruner: str) -> None:
        """Reads what is known of the run already, for one that goes on.

        Args:
            db: where the others are.
            run: the run.
            pruner: one of `PRUNERS`.
        """
        self._db, self._run, self._pruner = db, run, pruner
        self._objective = Objective.parse(str(run.trial.setting["objective"]))
        known = store.history(db, run.id).get(self._objective.metric)
        self._values = dict(known) if known else {}

    def check_epoch(self, epoch: Epoch) -> str | None:
        """Why the run is to end after this epoch, or None.

        Raises:
            StoreError: the others cannot be read.
        """
        self._values[epoch.number] = epoch.values[self._objective.metric]
        planned = self._run.epochs_planned
        if not is_decision_epoch(self._pruner, epoch.number, planned):
            return None
        found = store.peer_runs(
            self._db, self._run, metric=self._objective.metric, epoch=epoch.number
        )
        return PRUNERS[self._pruner](
            PrunerRequest(
                self._objective,
                epoch.number,
                planned,
                [self._values[n] for n in sorted(self._values) if n <= epoch.number],
                [PeerRun(one.value, one.complete) for one in found if one.value is not None],
                sum(one.complete for one in found),
            )
        )
