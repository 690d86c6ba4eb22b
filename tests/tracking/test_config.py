"""Configs of all kinds become settings with dotted names."""

import argparse
import dataclasses
from enum import Enum
from pathlib import Path

import numpy as np
import pytest
from recorded_programs import stored_run, stored_runs

import nnlab
from nnlab import store
from nnlab.errors import UsageError


@dataclasses.dataclass
class Model:
    layers: int = 2
    widths: tuple[int, ...] = (8, 4)


@dataclasses.dataclass
class Config:
    lr: float = 0.1
    model: Model = dataclasses.field(default_factory=Model)


class Kind(Enum):
    SMALL = "small value"


FLAT = {"lr": 0.1, "model.layers": 2, "model.widths": "[8, 4]"}


def test_a_dataclass_a_namespace_and_a_mapping_give_the_same_trial(db: str) -> None:
    namespace = argparse.Namespace(lr=0.1, model={"layers": 2, "widths": [8, 4]})
    for config in (Config(), namespace, {"lr": 0.1, "model": Model()}):
        nnlab.init("s", config=config).finish()
    runs = stored_runs(db)
    assert [run.trial.setting for run in runs] == [FLAT] * 3
    assert len({run.trial.id for run in runs}) == 1
    assert all(run.current for run in runs)  # with unknown seeds
    database = store.open_database(db, write=False)
    assert store.nested_settings(database, [runs[0].trial.id]) == {
        runs[0].trial.id: {"lr": 0.1, "model": {"layers": 2, "widths": [8, 4]}}
    }
    database.close()


def test_omegaconf_is_a_mapping(db: str) -> None:
    omegaconf = pytest.importorskip("omegaconf")
    config = omegaconf.OmegaConf.create({"lr": 0.1, "model": {"layers": 2, "widths": [8, 4]}})
    nnlab.init("s", config=config).finish()
    assert stored_run(db).trial.setting == FLAT


def test_values_of_other_types_are_plain_and_secrets_are_masked(db: str) -> None:
    config = {
        "path": Path("data/x"),
        "kind": Kind.SMALL,
        "rate": np.float32(0.5),
        "none": None,
        "class": Model,
        "nan": float("nan"),
        "object": object(),
        "api_key": "abc",
        "deep": {"password": "x"},
    }
    nnlab.init("s", config=config).finish()
    assert stored_run(db).trial.setting == {
        "path": "data/x",
        "kind": "SMALL",
        "rate": 0.5,
        "none": None,
        "class": f"{Model.__module__}.Model",
        "nan": "nan",
        "object": "<object object>",
        "api_key": "***",
        "deep.password": "***",
    }


def test_something_else_is_an_error(db: str) -> None:
    with pytest.raises(UsageError, match="config must be a mapping"):
        nnlab.init("s", config=[1, 2])
    assert nnlab.run is None


def test_the_config_is_a_mapping_with_attributes(db: str) -> None:
    run = nnlab.init("s", config={"lr": 0.1})
    run.config.batch = 8
    run.config["seed"] = 1
    run.config.setdefaults({"lr": 5, "wd": 0.0})
    run.config.update(argparse.Namespace(momentum=0.9))
    assert dict(run.config) == {"lr": 0.1, "batch": 8, "seed": 1, "wd": 0.0, "momentum": 0.9}
    assert run.config.get("nothing", 3) == 3
    with pytest.raises(AttributeError, match="'nothing'"):
        _ = run.config.nothing
    run.finish()
    # The seed is not a part of the trial's setting.
    assert stored_run(db).trial.setting == {"lr": 0.1, "batch": 8, "wd": 0.0, "momentum": 0.9}


def test_a_seed_in_the_config_is_the_seed_of_the_run(db: str) -> None:
    for seed in (0, 1):
        nnlab.init("s", config={"lr": 0.1, "seed": seed}).finish()
    runs = stored_runs(db)
    assert [run.seed for run in runs] == [0, 1]
    assert len({run.trial.id for run in runs}) == 1


def test_wrong_arguments_are_named(db: str) -> None:
    with pytest.raises(UsageError, match="mode is on or off"):
        nnlab.init("s", mode="perhaps")
    with pytest.raises(UsageError, match="no argument 'studdy'"):
        nnlab.init(studdy="s")
    with pytest.raises(UsageError, match="resume is allow"):
        nnlab.init("s", resume="sometimes")
    with pytest.raises(UsageError, match="val/gini:min or val/gini:max"):
        nnlab.init("s", objective="val/gini")
