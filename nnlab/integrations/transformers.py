"""A callback for the Trainer of Hugging Face.

`import nnlab.integrations.transformers` makes `TrainingArguments(report_to="nnlab")` work;
`Trainer(callbacks=[NnlabCallback(study="lm")])` gives it arguments.
"""

import dataclasses
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nnlab.integrations.adapter_run import AdapterRun, missing_package
from nnlab.metric_names import name_with_split

if TYPE_CHECKING:
    from transformers import TrainerCallback
    from transformers.trainer_callback import ExportableState
else:
    try:
        from transformers import TrainerCallback
        from transformers.integrations import integration_utils
        from transformers.trainer_callback import ExportableState
    except ModuleNotFoundError as error:
        raise missing_package("transformers", "NnlabCallback", error) from error

# What the Trainer says once at the end of the training.
_FINAL_VALUES = frozenset(
    ("train_runtime", "train_samples_per_second", "train_steps_per_second", "train_loss",
     "total_flos")
)  # fmt: skip
# How fast evaluations and predictions were: no metrics of the model.
_SPEEDS = ("runtime", "samples_per_second", "steps_per_second", "jit_compilation_time")
# Arguments that are always part of the config, because studies usually vary them.
_USUAL_ARGUMENTS = frozenset(
    ("learning_rate", "num_train_epochs", "per_device_train_batch_size", "weight_decay",
     "lr_scheduler_type", "warmup_steps", "gradient_accumulation_steps")
)  # fmt: skip
# Arguments that name, place or show a run; the seed belongs to the run, not to the config.
_WITHOUT_EFFECT = frozenset(
    ("output_dir", "overwrite_output_dir", "run_name", "project", "seed", "report_to", "debug",
     "disable_tqdm", "resume_from_checkpoint", "local_rank", "include_for_metrics", "do_train",
     "do_eval", "do_predict", "accelerator_config", "restore_callback_states_from_checkpoint",
     "ignore_data_skip", "use_cpu", "activation_checkpointing", "gradient_checkpointing")
)  # fmt: skip
_PREFIXES_WITHOUT_EFFECT = (
    *("hub_", "push_to_hub", "save_", "log_", "logging_", "eval_", "trackio_", "dataloader_"),
    *("include_", "skip_memory", "torch_compile", "ddp_", "past_", "per_device_eval"),
)


class TransformersCallback(TrainerCallback, ExportableState):
    """Records the metrics, arguments and model configuration of a Trainer.

    Metrics get nnlab's names: `loss` is `train/loss`, `eval_loss` is `val/loss`. A training that
    is resumed from a checkpoint continues the run that wrote it.

    Args:
        study: the study of the run; by default `TrainingArguments.project`, if it is set.
        run: a run of `nnlab.init` to log to; it is not ended here.
        **arguments: more arguments of `nnlab.init`.
    """

    def __init__(self, study: str | None = None, *, run: Any = None, **arguments: Any) -> None:
        self._run = AdapterRun(run, study=study, **arguments)
        self._is_configured = self._is_training = False

    def state(self) -> dict[str, Any]:
        """What a checkpoint stores: the number of the run."""
        return {"args": {}, "attributes": {"run_id": self._run.id}}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "TransformersCallback":
        """The callback that continues the run of a checkpoint."""
        callback = cls()
        callback.run_id = state["attributes"].get("run_id")
        return callback

    @property
    def run_id(self) -> Any:
        """The number of the run; None before it has begun."""
        return self._run.id

    @run_id.setter
    def run_id(self, run_id: Any) -> None:
        if run_id is not None and self._run.id is None:
            self._run.set_defaults(id=run_id, resume="allow")

    def on_train_begin(
        self, args: Any, state: Any, control: Any, model: Any = None, **ignored: Any
    ) -> None:
        """Begins or continues the run."""
        if state.is_world_process_zero:
            self._is_training = True
            self._configure(args, state, model)

    def on_log(
        self,
        args: Any,
        state: Any,
        control: Any,
        model: Any = None,
        logs: Mapping[str, Any] | None = None,
        **ignored: Any,
    ) -> None:
        """Logs metrics with the step and the epoch of the Trainer."""
        if not state.is_world_process_zero or not logs:
            return
        self._configure(args, state, model)
        values = {name: v for name, v in logs.items() if name != "epoch" and not _is_speed(name)}
        if "train_runtime" in logs:  # the line at the end of the training
            final = {name: values.pop(name) for name in _FINAL_VALUES & set(values)}
            self._run.handle.summary.update(final)
        epoch = logs.get("epoch", state.epoch)
        named = {name_with_split(name, "train"): value for name, value in values.items()}
        if named:
            self._run.handle.log(
                named, step=state.global_step, epoch=None if epoch is None else float(epoch)
            )
        if not self._is_training:  # an evaluation after the training
            self._run.end()

    def on_predict(
        self, args: Any, state: Any, control: Any, metrics: Mapping[str, Any], **ignored: Any
    ) -> None:
        """Logs the metrics of a prediction."""
        self.on_log(args, state, control, logs=metrics)

    def on_step_end(self, args: Any, state: Any, control: Any, **ignored: Any) -> Any:
        """Stops the training if `nnlab stop` asked for it."""
        if state.is_world_process_zero and self._run.handle.should_stop:
            control.should_training_stop = True
        return control

    def on_train_end(self, args: Any, state: Any, control: Any, **ignored: Any) -> None:
        """Ends the run; a later evaluation is added to it."""
        self._is_training = False
        if state.is_world_process_zero:
            self._run.end()

    def _configure(self, args: Any, state: Any, model: Any) -> None:
        if self._is_configured:
            return
        self._is_configured = True
        self._continue_run_of_checkpoint(state)
        name = getattr(args, "run_name", None)
        project = getattr(args, "project", None)
        self._run.set_defaults(
            study=os.environ.get("NNLAB_STUDY") or (None if project == "huggingface" else project),
            name=None if name == args.output_dir else name,
            seed=args.seed,
        )
        config = getattr(model, "config", None)
        settings = _effective_arguments(args)
        if config is not None:
            model_settings = config if isinstance(config, dict) else config.to_diff_dict()
            settings["model"] = {
                name: value for name, value in model_settings.items() if "version" not in name
            }
        self._run.update_config(settings)

    def _continue_run_of_checkpoint(self, state: Any) -> None:
        stored = (state.stateful_callbacks or {}).get(type(self).__name__)
        if state.global_step > 0 and isinstance(stored, Mapping):
            self.run_id = stored.get("attributes", {}).get("run_id")


def _effective_arguments(args: Any) -> dict[str, Any]:
    """The training arguments that can change the result, and differ from their default.

    Runs that differ only in their seed, names and folders thus belong to one trial.
    """
    defaults = {
        field.name: field.default_factory() if callable(field.default_factory) else field.default
        for field in dataclasses.fields(args)
    }
    return {
        name: value
        for name, value in args.to_dict().items()
        if name in _USUAL_ARGUMENTS
        or (
            name in defaults
            and value != defaults[name]
            and value not in (None, "", [], {})
            and name not in _WITHOUT_EFFECT
            and not name.startswith(_PREFIXES_WITHOUT_EFFECT)
        )
    }


def _is_speed(name: str) -> bool:
    return name.startswith(("eval_", "test_")) and name.endswith(_SPEEDS)


NnlabCallback = TransformersCallback

if not TYPE_CHECKING:
    integration_utils.INTEGRATION_TO_CALLBACK["nnlab"] = NnlabCallback
