"""A tracker for Accelerate: `Accelerator(log_with=NnlabTracker("lm"))`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nnlab.integrations.adapter_run import AdapterRun, missing_package
from nnlab.tracking.media_types import Image, LoggedTable

if TYPE_CHECKING:
    from accelerate.tracking import GeneralTracker, on_main_process
else:
    try:
        from accelerate.tracking import GeneralTracker, on_main_process
    except ModuleNotFoundError as error:
        raise missing_package("accelerate", "NnlabTracker", error) from error


class NnlabTracker(GeneralTracker):
    """Records what `accelerator.log` gets; `init_trackers` begins the run.

    A value named `epoch` is the epoch of the other values.

    Args:
        run_name: the study of the run.
        run: a run of `nnlab.init` to log to; it is not ended here.
        **arguments: more arguments of `nnlab.init`.
    """

    name = "nnlab"
    requires_logging_directory = False
    main_process_only = True

    def __init__(self, run_name: str | None = None, *, run: Any = None, **arguments: Any) -> None:
        super().__init__()
        self._run = AdapterRun(run, study=run_name, **arguments)

    @property
    def tracker(self) -> Any:
        """The run of nnlab."""
        return self._run.handle

    @on_main_process
    def start(self) -> None:
        """Begins the run."""
        _ = self._run.handle

    @on_main_process
    def store_init_configuration(self, values: Mapping[str, Any]) -> None:
        """Adds the configuration to the config of the run."""
        self._run.update_config(values)

    @on_main_process
    def log(self, values: Mapping[str, Any], step: int | None = None, **keywords: Any) -> None:
        """Logs values.

        Args:
            values: numbers, texts and media by name.
            step: the step.
            **keywords: more arguments of `run.log`.
        """
        others = dict(values)
        epoch = keywords.pop("epoch", others.pop("epoch", None))
        self._run.handle.log(others, step=step, epoch=epoch, **keywords)

    @on_main_process
    def log_images(
        self, values: Mapping[str, Any], step: int | None = None, **ignored: Any
    ) -> None:
        """Logs lists of images."""
        media = {name: [Image(image) for image in images] for name, images in values.items()}
        self._run.handle.log(media, step=step)

    @on_main_process
    def log_table(
        self,
        table_name: str,
        columns: Any = None,
        data: Any = None,
        dataframe: Any = None,
        step: int | None = None,
        **ignored: Any,
    ) -> None:
        """Logs a table, given by columns and rows or by a data frame."""
        self._run.handle.log(
            {table_name: LoggedTable(columns, data, dataframe=dataframe)}, step=step
        )

    @on_main_process
    def finish(self) -> None:
        """Ends the run."""
        self._run.end()
