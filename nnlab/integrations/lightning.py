"""A logger for the trainers of Lightning: `Trainer(logger=NnlabLogger(study="lm"))`.

It works with `lightning.pytorch`, `pytorch_lightning` and Fabric.
"""

import importlib
import os
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnlab.integrations.adapter_run import AdapterRun, missing_package
from nnlab.metric_names import split_of
from nnlab.tracking.media_types import Image
from nnlab.tracking.run_handle import RunHandle

if TYPE_CHECKING:
    from lightning.pytorch.callbacks import Callback
    from lightning.pytorch.loggers.logger import Logger, rank_zero_experiment
    from lightning.pytorch.utilities.rank_zero import rank_zero_only

_PACKAGES = ("lightning.pytorch", "pytorch_lightning")


def _import_lightning() -> str:
    """Imports the package that the program uses, or else one that is installed; returns its name.

    Raises:
        MissingPackage: none is installed.
    """
    for name in sorted(_PACKAGES, key=lambda name: name not in sys.modules):
        try:
            importlib.import_module(f"{name}.loggers.logger")
        except ModuleNotFoundError as error:
            if error.name is not None and error.name.split(".")[0] != name.split(".")[0]:
                raise
            continue
        return name
    raise missing_package("lightning", "NnlabLogger")


if not TYPE_CHECKING:
    _package = _import_lightning()
    _logger_module = importlib.import_module(f"{_package}.loggers.logger")
    Logger, rank_zero_experiment = _logger_module.Logger, _logger_module.rank_zero_experiment
    Callback = importlib.import_module(f"{_package}.callbacks").Callback
    rank_zero_only = importlib.import_module(f"{_package}.utilities.rank_zero").rank_zero_only


class NnlabLogger(Logger):
    """Records the metrics, hyperparameters and checkpoints of a trainer.

    Args:
        study: the study of the run; `project` is the same.
        run: a run of `nnlab.init` to log to; it is not ended here.
        log_model: whether the best and the last checkpoint are copied to the files of the run.
        prefix: a text in front of all names of metrics.
        **arguments: more arguments of `nnlab.init`.
    """

    def __init__(
        self,
        study: str | None = None,
        *,
        run: Any = None,
        log_model: bool = False,
        prefix: str = "",
        **arguments: Any,
    ) -> None:
        super().__init__()
        self._run = AdapterRun(run, study=study, **arguments)
        self._log_model, self._prefix = log_model, prefix
        self._checkpoint_callbacks: list[Any] = []
        self._is_fitting = True
        self._register()

    def _register(self) -> None:
        """Makes the logger one of every package of Lightning that is imported."""
        for name in _PACKAGES:
            module = sys.modules.get(f"{name}.loggers.logger")
            if module is not None and not isinstance(self, module.Logger):
                module.Logger.register(NnlabLogger)

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The run of nnlab: `logger.experiment.log({"norm": 1.0})`."""
        return self._handle

    @property
    def _handle(self) -> RunHandle:
        seed = os.environ.get("PL_GLOBAL_SEED", "")  # set by `seed_everything`
        self._run.set_defaults(seed=int(seed) if seed.isdecimal() else None)
        return self._run.handle

    @rank_zero_only
    def log_hyperparams(
        self, params: dict[str, Any] | Namespace, *arguments: Any, **keywords: Any
    ) -> None:
        """Adds the hyperparameters to the config of the run."""
        if params:
            self._handle.config.update(params)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Logs metrics; Lightning passes the index of the current epoch as one of them."""
        values = dict(metrics)
        index = values.pop("epoch", None)
        if not values:
            return
        splits = {split_of(name) for name in values}
        self._is_fitting |= not splits <= {"val", "test"}
        epoch = None if index is None else float(index)
        # While it trains, the trainer counts the epochs that ended before; nnlab the current one.
        if epoch is not None and self._is_fitting and splits != {"test"}:
            epoch += 1
        named = {self._prefix + name: value for name, value in values.items()}
        self._handle.log(named, step=step, epoch=epoch)

    @rank_zero_only
    def log_image(
        self,
        key: str,
        images: Sequence[Any],
        step: int | None = None,
        caption: Sequence[str] | None = None,
        **ignored: Any,
    ) -> None:
        """Logs a list of images, as the logger of W&B does.

        Args:
            key: the name.
            images: tensors, arrays, PIL images or paths.
            step: the step.
            caption: a text for each image.
            **ignored: accepted for calls written for W&B.
        """
        captions = list(caption) if caption is not None else [None] * len(images)
        media = [Image(image, text) for image, text in zip(images, captions, strict=True)]
        self._handle.log({self._prefix + key: media}, step=step)

    @rank_zero_only
    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """Records the paths and the score of the best and the last checkpoint."""
        for kind in ("best", "last"):
            path = getattr(checkpoint_callback, f"{kind}_model_path", "")
            if path:
                self._handle.summary[f"checkpoint/{kind}"] = str(path)
        if self._log_model and checkpoint_callback not in self._checkpoint_callbacks:
            self._checkpoint_callbacks.append(checkpoint_callback)
        score = getattr(checkpoint_callback, "best_model_score", None)
        if score is not None:
            self._handle.summary["checkpoint/best_score"] = float(score)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Ends the run; what the trainer logs later, in a test, is added to the same run."""
        self._is_fitting = False
        if status == "success":
            self._save_checkpoints()
        self._run.end(failed=status in ("failed", "interrupted", "aborted"))

    def _save_checkpoints(self) -> None:
        for callback in self._checkpoint_callbacks:
            for path in {callback.best_model_path, getattr(callback, "last_model_path", "")}:
                if path and Path(path).is_file():
                    self._handle.save(path, policy="now")
        self._checkpoint_callbacks.clear()

    @property
    def should_stop(self) -> bool:
        """Whether `nnlab stop`, or a pruner, asks for the end of the training."""
        return rank_zero_only.rank == 0 and self._handle.should_stop

    @property
    def name(self) -> str | None:
        """The study of the run."""
        return self._run.study

    @property
    def version(self) -> str | None:
        """The number of the run, once it has begun."""
        return None if self._run.id is None else str(self._run.id)

    @property
    def save_dir(self) -> str | None:
        """The folder of the run's files; the checkpoints of the trainer go into it by default."""
        return None if self._run.id is None else self._handle.dir


class NnlabStop(Callback):
    """Ends a training after the current batch if `nnlab stop`, or a pruner, asks for it."""

    def on_train_batch_end(self, trainer: Any, *arguments: Any, **keywords: Any) -> None:
        """Asks the trainer to stop if the run of one of its loggers should."""
        loggers = (logger for logger in trainer.loggers if isinstance(logger, NnlabLogger))
        if any(logger.should_stop for logger in loggers):
            trainer.should_stop = True
