"""The records that MLflow's functions return: runs, experiments, models."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class MlflowExperiment:
    """An experiment; in nnlab it is a study, and its id is its name."""

    name: str
    lifecycle_stage: str = "active"
    artifact_location: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def experiment_id(self) -> str:
        """The name."""
        return self.name


@dataclass(frozen=True, slots=True)
class ActiveRunInfo:
    """Number, name and state of a run; times in milliseconds since 1970."""

    run_id: str
    run_name: str
    experiment_id: str
    status: str
    start_time: int
    artifact_uri: str
    end_time: int | None = None
    lifecycle_stage: str = "active"

    @property
    def run_uuid(self) -> str:
        """The same as `run_id`."""
        return self.run_id


@dataclass(frozen=True, slots=True)
class ActiveRunData:
    """The last values, parameters and tags of a run."""

    metrics: Mapping[str, float]
    params: Mapping[str, str]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """A model that `log_model` has recorded."""

    model_uri: str
    run_id: str
    name: str
    signature: Any = None

    @property
    def artifact_path(self) -> str:
        """The name."""
        return self.name

    @property
    def model_id(self) -> str:
        """The address."""
        return self.model_uri
