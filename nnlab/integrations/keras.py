"""A callback for Keras: `model.fit(..., callbacks=[NnlabCallback(study="digits")])`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nnlab.integrations.adapter_run import AdapterRun, missing_package
from nnlab.metric_names import split_of, usual_name

if TYPE_CHECKING:
    from keras.callbacks import Callback
else:
    try:
        from keras.callbacks import Callback
    except ModuleNotFoundError as error:
        raise missing_package("keras", "Keras callback", error) from error


class KerasCallback(Callback):
    """Records the logs of each epoch, and of each nth batch.

    Metrics get nnlab's names: `loss` is `train/loss`, `val_loss` is `val/loss`.
    `model.evaluate(..., callbacks=[callback])` logs `test/` metrics to the same run.

    Args:
        study: the study of the run.
        run: a run of `nnlab.init` to log to; it is not ended here.
        batch_interval: after how many batches the metrics of the training are logged; None logs
            epochs only.
        **arguments: more arguments of `nnlab.init`.
    """

    def __init__(
        self,
        study: str | None = None,
        *,
        run: Any = None,
        batch_interval: int | None = None,
        **arguments: Any,
    ) -> None:
        super().__init__()
        self._run = AdapterRun(run, study=study, **arguments)
        self._batch_interval = batch_interval
        self._epoch = 0
        self._is_training = False
        if batch_interval is None:
            # Keras does not wait for the callbacks after a batch if none has a method for it.
            self.on_train_batch_end = super().on_train_batch_end  # type: ignore[method-assign]

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Begins or continues the run; the config gets the optimizer, the loss and the sizes."""
        self._is_training = True
        self._run.update_config({**_compiled_settings(self.model), **_fit_settings(self.params)})

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Notes the number of the epoch for its batches."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Logs the metrics of the training; Keras averages them over the epoch so far."""
        if self._batch_interval and (batch + 1) % self._batch_interval == 0:
            values = {f"batch/{name}": value for name, value in (logs or {}).items()}
            self._run.handle.log(values, step=_iterations(self.model))
            self._stop_if_requested()

    def _stop_if_requested(self) -> None:
        if self._run.handle.should_stop:
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Logs the metrics of an epoch; epochs count from 1."""
        values = {_metric_name(name, "train"): value for name, value in (logs or {}).items()}
        self._run.handle.log(values, step=_iterations(self.model), epoch=epoch + 1)
        self._stop_if_requested()

    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Logs the metrics of an evaluation that is not part of `fit`."""
        if not self._is_training and logs:
            values = {_metric_name(name, "test"): value for name, value in logs.items()}
            self._run.handle.log(values, step=_iterations(self.model), epoch=self._epoch + 1)
            self._run.end()

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Ends the run; what is logged later is added to it."""
        self._is_training = False
        self._run.end()


NnlabCallback = KerasCallback


def _metric_name(name: str, split: str) -> str:
    """The usual name of a metric of Keras, whose split is given unless the name has one.

    >>> _metric_name("loss", "train"), _metric_name("val_accuracy", "train")
    ('train/loss', 'val/accuracy')
    >>> _metric_name("learning_rate", "train")
    'lr'
    """
    usual = usual_name(name)
    return usual if usual == "lr" or split_of(name) is not None else f"{split}/{usual}"


def _iterations(model: Any) -> int | None:
    """The number of optimizer steps so far."""
    optimizer = getattr(model, "optimizer", None)
    return None if optimizer is None else int(optimizer.iterations)


def _compiled_settings(model: Any) -> dict[str, Any]:
    """The optimizer with its arguments, the loss, and the number of parameters."""
    settings: dict[str, Any] = {"parameters": model.count_params()} if model.built else {}
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None:
        arguments = {
            n: v for n, v in optimizer.get_config().items() if n != "name" and v is not None
        }
        settings["optimizer"] = {"name": type(optimizer).__name__, **arguments}
    loss = getattr(model, "loss", None)
    if isinstance(loss, str) or callable(loss):
        settings["loss"] = loss if isinstance(loss, str) else getattr(loss, "name", str(loss))
    return settings


def _fit_settings(params: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: v for name, v in (params or {}).items() if name in ("epochs", "steps") and v}
