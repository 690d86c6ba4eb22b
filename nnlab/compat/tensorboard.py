"""`from nnlab.compat.tensorboard import SummaryWriter`: records to nnlab what a script writes.

Each writer is a run: the parent of its folder is the study, the folder's name the run's name.
"""

import socket
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from nnlab.compat.media import EncodedFile, encode_audio, encode_video, json_file
from nnlab.compat.named_runs import start_with_id
from nnlab.compat.step_counter import StepCounter
from nnlab.compat.tensorboard_media import embedding_files, image_of, pr_curve_table
from nnlab.compat.unsupported import unsupported_attributes
from nnlab.tracking.media_types import Histogram, Image
from nnlab.tracking.notes import note_once
from nnlab.tracking.process_role import is_script_run
from nnlab.tracking.run_handle import RunHandle
from nnlab.tracking.start import init as start_run

_unsupported = unsupported_attributes("SummaryWriter")
# The study of writers whose folder has no parent.
_DEFAULT_STUDY = "tensorboard"


class SummaryWriter:
    """Records scalars, media and hyperparameters, with the interface of torch's SummaryWriter.

    Args:
        log_dir: names the run; no file is written there. By default the time and the host.
        comment: a text after the default name.
        purge_step: continues the run of an earlier writer with the same `log_dir`. What is logged
            replaces the values that it logged from the same steps on.
        max_queue: has no effect; values are stored within 250 ms.
        flush_secs: has no effect.
        filename_suffix: has no effect.
    """

    def __init__(
        self,
        log_dir: Any = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: int = 120,
        filename_suffix: str = "",
    ) -> None:
        if not log_dir:
            now = datetime.now().strftime("%b%d_%H-%M-%S")
            log_dir = f"runs/{now}_{socket.gethostname()}{comment}"
        self.log_dir: Any = log_dir
        self.purge_step, self.max_queue = purge_step, max_queue
        self.flush_secs, self.filename_suffix = flush_secs, filename_suffix
        self._steps = StepCounter()
        self._hparams: dict[str, Any] | None = None
        # A later writer that purges steps of this folder continues this run.
        self._handle = start_with_id(
            [f"tensorboard:{Path(log_dir).absolute()}"],
            None if purge_step is None else "allow",
            **self._study_and_name(),
        )
        self._is_closed = False

    def _study_and_name(self) -> dict[str, str]:
        folder = Path(self.log_dir)
        return {"study": folder.parent.name or _DEFAULT_STUDY, "name": folder.name}

    @property
    def _run(self) -> RunHandle:
        if self._is_closed:  # torch's writer opens another file then
            self._is_closed = False
            self._handle = start_run(id=self._handle.id, resume="must")
        return self._handle

    def _log(self, tag: str, value: Any, step: Any) -> None:
        self._run.log({tag: value}, step=self._steps.step(tag, step))

    def get_logdir(self) -> Any:
        """The folder that the script has named."""
        return self.log_dir

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: Any = None,
        walltime: float | None = None,
        new_style: bool = False,
        double_precision: bool = False,
    ) -> None:
        """Records a number."""
        self._log(tag, scalar_value, global_step)

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: Mapping[str, Any],
        global_step: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Records numbers as `MAIN/TAG`; torch writes them to folders of their own."""
        values = {f"{main_tag}/{tag}": value for tag, value in tag_scalar_dict.items()}
        self._run.log(values, step=self._steps.step(main_tag, global_step))

    def add_hparams(
        self,
        hparam_dict: Mapping[str, Any],
        metric_dict: Mapping[str, Any],
        hparam_domain_discrete: Any = None,
        run_name: str | None = None,
        global_step: Any = None,
    ) -> None:
        """Records the config and the results of the run; other hyperparameters are another run."""
        hparams = dict(hparam_dict)
        if self._hparams is not None and hparams != self._hparams:
            with start_run(**self._study_and_name(), config=hparams) as other:
                other.log(dict(metric_dict), step=0 if global_step is None else int(global_step))
            return
        self._hparams = hparams
        self._run.config.update(hparams)
        if metric_dict:
            step = self._steps.last if global_step is None else int(global_step)
            self._run.log(dict(metric_dict), step=step)

    def add_histogram(
        self,
        tag: str,
        values: Any,
        global_step: Any = None,
        bins: Any = "tensorflow",
        *arguments: Any,
        **keywords: Any,
    ) -> None:
        """Records the histogram of an array or a tensor."""
        self._log(
            tag, Histogram(values, num_bins=bins if isinstance(bins, int) else 64), global_step
        )

    def add_image(
        self,
        tag: str,
        img_tensor: Any,
        global_step: Any = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """Records an image, whose axes `dataformats` names."""
        self._log(tag, image_of(img_tensor, dataformats), global_step)

    def add_images(
        self,
        tag: str,
        img_tensor: Any,
        global_step: Any = None,
        walltime: float | None = None,
        dataformats: str = "NCHW",
    ) -> None:
        """Records several images side by side."""
        self._log(tag, image_of(img_tensor, dataformats), global_step)

    def add_image_with_boxes(
        self,
        tag: str,
        img_tensor: Any,
        box_tensor: Any,
        global_step: Any = None,
        walltime: float | None = None,
        rescale: float = 1,
        dataformats: str = "CHW",
        labels: Any = None,
    ) -> None:
        """Records an image without its boxes."""
        note_once("SummaryWriter.add_image_with_boxes records the image without the boxes")
        self._log(tag, image_of(img_tensor, dataformats), global_step)

    def add_figure(
        self,
        tag: str,
        figure: Any,
        global_step: Any = None,
        close: bool = True,
        walltime: float | None = None,
    ) -> None:
        """Records figures of matplotlib, and closes them."""
        figures = figure if isinstance(figure, list) else [figure]
        media = [Image(drawn) for drawn in figures]
        self._log(tag, media if isinstance(figure, list) else media[0], global_step)
        if close:
            import matplotlib.pyplot as plt

            for drawn in figures:
                plt.close(drawn)

    def add_video(
        self,
        tag: str,
        vid_tensor: Any,
        global_step: Any = None,
        fps: int = 4,
        walltime: float | None = None,
    ) -> None:
        """Records a video of shape [batch, time, channels, height, width]."""
        self._log(tag, EncodedFile(encode_video(vid_tensor, int(fps)), ".gif"), global_step)

    def add_audio(
        self,
        tag: str,
        snd_tensor: Any,
        global_step: Any = None,
        sample_rate: int = 44100,
        walltime: float | None = None,
    ) -> None:
        """Records a sound."""
        self._log(tag, EncodedFile(encode_audio(snd_tensor, sample_rate), ".wav"), global_step)

    def add_text(
        self, tag: str, text_string: str, global_step: Any = None, walltime: float | None = None
    ) -> None:
        """Records a text."""
        self._log(tag, EncodedFile(str(text_string), ".txt"), global_step)

    def add_graph(self, model: Any, *arguments: Any, **keywords: Any) -> None:
        """Records the layers of a model as text."""
        self._log("graph", EncodedFile(repr(model), ".txt"), 0)

    def add_pr_curve(
        self,
        tag: str,
        labels: Any,
        predictions: Any,
        global_step: Any = None,
        num_thresholds: int = 127,
        *arguments: Any,
        **keywords: Any,
    ) -> None:
        """Records precision and recall at each threshold as a table."""
        self._log(tag, pr_curve_table(labels, predictions, num_thresholds), global_step)

    def add_embedding(
        self,
        mat: Any,
        metadata: Any = None,
        label_img: Any = None,
        global_step: Any = None,
        tag: str = "default",
        metadata_header: Any = None,
    ) -> None:
        """Records the vectors and their labels as files of tab-separated values."""
        for name, file in embedding_files(mat, metadata, metadata_header).items():
            self._log(f"{tag}/{name}", file, global_step)

    def add_tensor(
        self, tag: str, tensor: Any, global_step: Any = None, walltime: float | None = None
    ) -> None:
        """Records a tensor as JSON."""
        self._log(tag, json_file(tensor), global_step)

    def flush(self) -> None:
        """Waits until everything is stored."""
        self._run.flush()

    def close(self) -> None:
        """Ends the run; what is added later continues it."""
        if is_script_run(self._handle):  # ended by `nnlab run`; the script may log more to it
            self._handle.flush()
        elif not self._is_closed:
            self._is_closed = True
            self._handle.finish()

    def __enter__(self) -> "SummaryWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
            return
        self._is_closed = True
        self._handle.__exit__(kind, error, traceback)

    def __getattr__(self, name: str) -> Any:
        return _unsupported(name)
