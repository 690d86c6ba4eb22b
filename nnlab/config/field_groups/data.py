"""Fields of RunConfig for the data set, its splits and preprocessing."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt

from nnlab.config.option import MAX_SEED, Option

_PANEL = "Data"


@dataclass(frozen=True, kw_only=True)
class DataFields:
    """Fields of a run's configuration for the data set, its splits and preprocessing."""

    data: Annotated[str, Option("data set", _PANEL, catalogue="data")] = "digits"
    samples: Annotated[
        int | None,
        Option("size of a generated data set", _PANEL, default_from="data", unit="examples"),
        Ge(10),
        Le(10_000_000),
    ] = None
    data_noise: Annotated[
        float | None,
        Option("noise level of a generated data set", _PANEL, default_from="data"),
        Ge(0),
        Le(100),
    ] = None
    data_seed: Annotated[
        int | None,
        Option(
            "random seed of a generated data set", _PANEL, default_from="data", no_effect_value=0
        ),
        Ge(0),
        Le(MAX_SEED),
    ] = None
    classes: Annotated[
        str | None,
        Option("use only these classes: 0-4, 0+3+7, or names joined by +", _PANEL),
    ] = None
    train_size: Annotated[
        int | None,
        Option("size of the subset of the training split that is used", _PANEL, unit="examples"),
        Ge(2),
    ] = None
    label_noise: Annotated[
        float,
        Option(
            "fraction of the training labels that are replaced by wrong ones",
            _PANEL,
            no_effect_value=0.0,
        ),
        Ge(0),
        Lt(1),
    ] = 0.0
    inputs: Annotated[str, Option("preprocessing of the inputs", _PANEL, catalogue="inputs")] = (
        "standardise"
    )
    val_fraction: Annotated[
        float, Option("fraction of the data held out for validation", _PANEL), Gt(0), Le(0.5)
    ] = 0.15
    test_fraction: Annotated[
        float | None,
        Option(
            "fraction of the data held out for the final test; 0.15 if the data set has no test"
            " split",
            _PANEL,
        ),
        Gt(0),
        Le(0.5),
    ] = None
    split_seed: Annotated[
        int,
        Option(
            "random seed of the split; the same for all seeds of a trial", _PANEL, no_effect_value=0
        ),
        Ge(0),
        Le(MAX_SEED),
    ] = 0
    data_version: Annotated[str | None, "SHA-256 of a data file; None for a built-in set"] = None
