"""Fields of RunConfig for the length of a run, model selection, measurements, device and seed."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le

from nnlab.settings.option import MAX_SEED, Option

_PANEL = "Run"


@dataclass(frozen=True, kw_only=True)
class ExecutionFields:
    """Fields of a run's configuration for its length, model selection, device and seed."""

    epochs: Annotated[
        int, Option("length of the training", _PANEL, unit="epochs"), Ge(1), Le(1_000_000)
    ] = 30
    steps: Annotated[
        int | None,
        Option(
            "length of the training in steps, in place of --epochs; an epoch is then --eval-every"
            " steps",
            _PANEL,
            unit="steps",
        ),
        Ge(1),
        Le(1_000_000_000),
    ] = None
    eval_every: Annotated[
        int | None,
        Option(
            "steps between evaluations with --steps; a tenth of --steps by default",
            _PANEL,
            unit="steps",
        ),
        Ge(1),
        Le(1_000_000_000),
    ] = None
    max_time: Annotated[
        str | None,
        Option(
            "end the training after the epoch in which this time is reached, over all attempts:"
            " 90s, 30m, 2h",
            _PANEL,
        ),
    ] = None
    early_stop: Annotated[
        int,
        Option(
            "patience of early stopping (0 disables it)",
            _PANEL,
            unit="epochs",
            no_effect_value=0,
        ),
        Ge(0),
    ] = 0
    stop_on: Annotated[
        str,
        Option(
            "end the run at one of these findings: NN101,NN2xx; a semicolon separates trials",
            _PANEL,
            commas=True,
            no_effect_value="",
        ),
    ] = ""
    objective: Annotated[
        str | None,
        Option(
            "metric:min or metric:max that selects the epoch; by default val/accuracy:max for"
            " classification, val/loss:min for regression",
            _PANEL,
        ),
    ] = None
    metrics: Annotated[
        str | None,
        Option(
            "further metrics of each epoch, computed over the whole split: f1,auroc,"
            "file.py:NAME:max",
            _PANEL,
            catalogue="metric",
        ),
    ] = None
    metrics_version: Annotated[
        str | None, "SHA-256 of the files of the user's metrics; None without such metrics"
    ] = None
    exact_train: Annotated[
        bool,
        Option(
            "evaluate the training split after each epoch, without dropout",
            _PANEL,
            flag=True,
            no_effect_value=False,
        ),
    ] = False
    probe: Annotated[
        str,
        Option(
            "extent of the measurements inside the model",
            _PANEL,
            catalogue="probe",
            no_effect_value="light",
        ),
    ] = "light"
    device: Annotated[str, Option("device", _PANEL, catalogue="device")] = "auto"
    dtype: Annotated[str, Option("floating-point type", _PANEL, catalogue="dtype")] = "float32"
    compile: Annotated[
        bool,
        Option("compile the model with torch.compile", _PANEL, flag=True, no_effect_value=False),
    ] = False
    channels_last: Annotated[
        bool,
        Option(
            "use the channels-last memory format for images",
            _PANEL,
            flag=True,
            no_effect_value=False,
        ),
    ] = False
    threads: Annotated[
        int | None,
        Option("CPU threads; by default chosen by the size of the model", _PANEL),
        Ge(1),
        Le(1024),
    ] = None
    seed: Annotated[
        int,
        Option("random seed of the weights, the data order and dropout", _PANEL),
        Ge(0),
        Le(MAX_SEED),
    ] = 0
    plugin_versions: Annotated[
        str | None, "packages and versions of the plugins; None if all choices are built in"
    ] = None
