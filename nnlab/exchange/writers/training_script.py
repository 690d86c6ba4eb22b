"""The writer of `nnlab export RUN --to script`: the training of a run as a plain PyTorch script."""

from collections.abc import Sequence
from pathlib import Path

from nnlab.errors import UsageError
from nnlab.exchange.log_writer import ExportedRun
from nnlab.exchange.training_script import training_script
from nnlab.io.command_line import quote_command
from nnlab.settings import config_of
from nnlab.store import check_trained_by_nnlab

# How the engine of an attempt is called that trained on several devices together.
_PARALLEL_ENGINES = ("ddp", "fsdp")


class TrainingScriptWriter:
    """Writes one run as a script of torch, numpy and scikit-learn."""

    kind = "script"
    writes_folder = False

    def write(self, runs: Sequence[ExportedRun], output: Path, destination: Path) -> None:
        """Writes the script of the only run.

        Raises:
            UsageError: there are several runs, or another program trained the run.
            ConfigError: a plain script cannot express the setting.
        """
        if len(runs) > 1:
            raise UsageError(
                f"a script trains one run, and these are {len(runs)}",
                hint=f"name one of them, such as {runs[0].run.id}",
            )
        exported = runs[0]
        run = exported.run
        check_trained_by_nnlab(run, "write its training")
        for attempt in exported.attempts:
            if (attempt.engine or "").startswith(_PARALLEL_ENGINES):
                raise UsageError(
                    f"run {run.id} was trained on several devices ({attempt.engine}), which a plain"
                    " script cannot express"
                )
        config = config_of(run.trial.setting, run.known_seed)
        command = quote_command(
            "nnlab", "export", str(run.id), "--to", "script", "-o", destination.name
        )
        output.write_text(training_script(config, command), encoding="utf-8")
