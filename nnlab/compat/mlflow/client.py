"""`MlflowClient`: the methods that record, for the runs of this process."""

from collections.abc import Iterable, Mapping
from typing import Any

from nnlab.compat.mlflow import experiments, files
from nnlab.compat.mlflow.active_run import ActiveMlflowRun, start_active_run, state
from nnlab.compat.mlflow.entities import MlflowExperiment
from nnlab.compat.unsupported import unsupported_attributes

_unsupported = unsupported_attributes("MlflowClient")


class MlflowClient:
    """Records to runs that are named by their number; every other method does nothing."""

    def __init__(self, tracking_uri: str | None = None, registry_uri: str | None = None) -> None:
        if tracking_uri:
            experiments.set_tracking_uri(tracking_uri)

    def create_experiment(self, name: str, *arguments: Any, **keywords: Any) -> str:
        """The id of the experiment."""
        return name

    def get_experiment_by_name(self, name: str) -> MlflowExperiment:
        """The experiment with that name."""
        return MlflowExperiment(name)

    def create_run(
        self, experiment_id: str, start_time: int | None = None,
        tags: Mapping[str, Any] | None = None, run_name: str | None = None,
    ) -> ActiveMlflowRun:  # fmt: skip
        """Starts a run that does not become the active one."""
        run = start_active_run(None, str(experiment_id), run_name, nested=True, tags=tags)
        state.remove(run)
        return run

    def get_run(self, run_id: str) -> ActiveMlflowRun:
        """A run that this process has started."""
        return state.needed_run(run_id)

    def log_metric(
        self, run_id: str, key: str, value: Any, timestamp: int | None = None,
        step: int | None = None, *arguments: Any, **keywords: Any,
    ) -> None:  # fmt: skip
        """Records a number."""
        state.needed_run(run_id).log_metrics({key: value}, step)

    def log_param(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> Any:
        """Adds a setting to the config of the run."""
        state.needed_run(run_id).handle.config[key] = value
        return value

    def set_tag(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> None:
        """Adds a tag to the run."""
        state.needed_run(run_id).set_tags({key: value})

    def log_batch(
        self, run_id: str, metrics: Iterable[Any] = (), params: Iterable[Any] = (),
        tags: Iterable[Any] = (), synchronous: bool | None = None,
    ) -> None:  # fmt: skip
        """Records MLflow's records of metrics, parameters and tags."""
        run = state.needed_run(run_id)
        run.handle.config.update({param.key: param.value for param in params})
        run.set_tags({tag.key: tag.value for tag in tags})
        for metric in metrics:
            run.log_metrics({metric.key: metric.value}, metric.step)

    def log_artifact(self, run_id: str, local_path: Any, artifact_path: str | None = None) -> None:
        """Records a copy of a file."""
        files.log_artifact(local_path, artifact_path, run_id)

    def log_artifacts(self, run_id: str, local_dir: Any, artifact_path: str | None = None) -> None:
        """Records copies of the files of a folder."""
        files.log_artifacts(local_dir, artifact_path, run_id)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """Records a text file."""
        files.log_text(text, artifact_file, run_id)

    def log_dict(self, run_id: str, dictionary: Any, artifact_file: str) -> None:
        """Records a JSON file."""
        files.log_dict(dictionary, artifact_file, run_id)

    def set_terminated(
        self, run_id: str, status: str | None = None, end_time: int | None = None
    ) -> None:
        """Ends a run."""
        state.needed_run(run_id).end(status or "FINISHED")

    def __getattr__(self, name: str) -> Any:
        return _unsupported(name)
