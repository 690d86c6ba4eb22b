"""A callback for skorch: `NeuralNetClassifier(..., callbacks=[NnlabCallback(study="digits")])`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nnlab.integrations.adapter_run import AdapterRun, missing_package
from nnlab.metric_names import usual_name

if TYPE_CHECKING:
    from skorch.callbacks import Callback
else:
    try:
        from skorch.callbacks import Callback
    except ModuleNotFoundError as error:
        raise missing_package("skorch", "skorch callback", error) from error

# Settings of a net that have no effect on the trained model.
_WITHOUT_EFFECT = ("callbacks", "verbose", "warm_start", "device", "module", "_params_to_validate")


class SkorchCallback(Callback):
    """Records what skorch writes to `net.history` after each epoch, and the settings of the net.

    Metrics get nnlab's names: `valid_acc` is `val/accuracy`. `fit` begins a run, and
    `partial_fit` continues it.

    Args:
        study: the study of the run.
        run: a run of `nnlab.init` to log to; it is not ended here.
        seed: the seed of the run.
        init_arguments: more arguments of `nnlab.init`.
        keys_ignored: names in the history that are not recorded.
    """

    def __init__(
        self,
        study: str | None = None,
        run: Any = None,
        seed: int | None = None,
        init_arguments: Mapping[str, Any] | None = None,
        keys_ignored: tuple[str, ...] = (),
    ) -> None:
        # skorch and scikit-learn copy callbacks through these attributes.
        self.study, self.run, self.seed = study, run, seed
        self.init_arguments, self.keys_ignored = init_arguments, keys_ignored

    def initialize(self) -> "SkorchCallback":
        """Makes the next training begin a new run."""
        self.steps_ = 0  # of the optimizer
        self.run_ = AdapterRun(
            self.run, study=self.study, seed=self.seed, **(self.init_arguments or {})
        )
        return self

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **ignored: Any) -> None:  # noqa: N803  the names of skorch
        """Begins or continues the run."""
        del X, y, ignored
        self.run_.update_config(_net_settings(net))

    def on_epoch_end(self, net: Any, **ignored: Any) -> None:
        """Logs the last row of the history.

        Raises:
            KeyboardInterrupt: `nnlab stop` asked for the end; skorch then ends the training.
        """
        row = net.history[-1]
        values = {
            usual_name(name): value
            for name, value in row.items()
            if name not in ("batches", "epoch", *self.keys_ignored)
            and not name.endswith(("_best", "_batch_count"))
            and not name.startswith("event_")
        }
        if "dur" in values:
            values["epoch_seconds"] = values.pop("dur")
        handle = self.run_.handle
        self.steps_ += sum("train_loss" in batch for batch in row.get("batches", ()))
        handle.log(values, step=self.steps_, epoch=row["epoch"])
        if handle.should_stop:
            raise KeyboardInterrupt

    def on_train_end(self, net: Any, X: Any = None, y: Any = None, **ignored: Any) -> None:  # noqa: N803  the names of skorch
        """Ends the run; `partial_fit` continues it."""
        del net, X, y, ignored
        self.run_.end()


NnlabCallback = SkorchCallback


def _net_settings(net: Any) -> dict[str, Any]:
    """The settings of the net that were given to its constructor, and the class of its module."""
    params = net.get_params(deep=False)
    settings = {
        name: value
        for name, value in params.items()
        if not name.startswith(("callbacks", *_WITHOUT_EFFECT)) or name.startswith("module__")
    }
    module = net.module if isinstance(net.module, type) else type(net.module)
    return {"module": module.__name__, **settings}
