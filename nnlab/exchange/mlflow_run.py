"""What MLflow stores about a run, the same in its file store, its database and its exports."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from nnlab.exchange.log_reader import Audit, RunDetails
from nnlab.exchange.log_times import utc_time
from nnlab.exchange.metric_table import clean_name, clean_text, parse_text_value
from nnlab.exchange.seed_of_config import seed_of_config
from nnlab.records import Scalar, Status

STATUSES = {
    "RUNNING": Status.RUNNING, "SCHEDULED": Status.RUNNING, "FINISHED": Status.FINISHED,
    "FAILED": Status.FAILED, "KILLED": Status.INTERRUPTED,
}  # fmt: skip
STATUSES_BY_NUMBER = dict(enumerate(STATUSES.values(), start=1))
_MAX_TAGS = 100
_MAX_TAG = 200
_PARENT_TAG = "mlflow.parentRunId"
_COMMAND_TAG = "mlflow.source.name"


@dataclass(frozen=True, slots=True)
class LoggedMlflowRun:
    """A run of MLflow; times are in milliseconds, parameters and tags are texts."""

    name: str
    experiment: str | None
    status: Status
    start_time: object
    end_time: object
    params: Mapping[str, str]
    tags: Mapping[str, str]
    results: Mapping[str, Scalar] = field(default_factory=dict)

    def details(self, audit: Audit) -> RunDetails:
        """The details: the experiment is the project, and a parent run is a tag `parent=ID`."""
        config = {
            clean_name(name, audit): parse_text_value(clean_text(value, audit))
            for name, value in self.params.items()
        }
        return RunDetails(
            name=clean_name(self.tags.get("mlflow.runName") or self.name, audit),
            config=config,
            tags=self._tags(audit),
            started_at=utc_time(self.start_time),
            ended_at=utc_time(self.end_time),
            status=self.status,
            seed=seed_of_config(config),
            results=self.results,
            command=clean_text(self.tags[_COMMAND_TAG], audit)
            if _COMMAND_TAG in self.tags
            else None,
            project=clean_name(self.experiment, audit) if self.experiment else None,
        )

    def _tags(self, audit: Audit) -> tuple[str, ...]:
        """The user's tags as `name=value`; those that MLflow or an export set are not."""
        tags = [
            f"{clean_name(name, audit)}={clean_text(value, audit)}"[:_MAX_TAG]
            for name, value in self.tags.items()
            if not name.startswith(("mlflow.", "nnlab."))
        ]
        if _PARENT_TAG in self.tags:
            tags.append(f"parent={clean_name(self.tags[_PARENT_TAG], audit)}")
        if len(tags) > _MAX_TAGS:
            audit.add("too-many-tags", f"only {_MAX_TAGS} tags of a run are read")
        return tuple(tags[:_MAX_TAGS])
