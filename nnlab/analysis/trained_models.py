"""`TrainedModel`: the model of a run, rebuilt from its stored files, for predictions and export."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from nnlab import store
from nnlab.catalogue import is_user_code
from nnlab.engine import transfer, user_code
from nnlab.engine.data.dataset import FeatureColumn
from nnlab.engine.data.prepare import prepare_data
from nnlab.engine.inference.inference_model import InferenceModel, build_model
from nnlab.engine.inference.model_description import (
    MAX_DESCRIPTION_BYTES,
    ModelDescription,
    describe_model,
    parse_description,
)
from nnlab.engine.inference.predictor import Predictor
from nnlab.errors import CheckpointError, DataError, UsageError
from nnlab.io.files import read_limited, sha256_of
from nnlab.records import Artifact, Run
from nnlab.settings import config_of
from nnlab.workers.initial_weights import MODEL_ARTIFACT_KIND

_DESCRIPTION = "model_description"


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A run, the description of its model, and the model in evaluation mode on the CPU."""

    run: Run
    description: ModelDescription
    model: InferenceModel

    def predictor(self, device: torch.device) -> Predictor:
        """The predictor of this model."""
        return make_predictor([self], device)


def make_predictor(trained: list[TrainedModel], device: torch.device) -> Predictor:
    """The predictor of a model, or of an ensemble whose inputs are encoded in the same way.

    Raises:
        UsageError: their inputs or outputs differ.
    """
    _check_same_interface(trained)
    return Predictor(
        [item.model for item in trained], device, str(trained[0].description.setting.get("dtype"))
    )


def make_ensemble(
    trained: list[TrainedModel], device: torch.device
) -> list[tuple[Predictor, ModelDescription]]:
    """The predictors of an ensemble, each with the description by which its inputs are encoded.

    Models that fill missing values with different numbers, such as those of different folds, are
    members of different predictors.

    Raises:
        UsageError: their inputs or outputs differ in anything else.
    """
    _check_same_interface(trained)
    groups: dict[tuple[FeatureColumn, ...], list[TrainedModel]] = {}
    for item in trained:
        groups.setdefault(item.description.columns, []).append(item)
    return [(make_predictor(group, device), group[0].description) for group in groups.values()]


def _check_same_interface(trained: list[TrainedModel]) -> None:
    """Checks that the predictions of models can be averaged.

    Raises:
        UsageError: their inputs or outputs differ.
    """
    first = trained[0]
    for other in trained[1:]:
        expected, actual = _interface(first.description), _interface(other.description)
        different = [name for name in expected if expected[name] != actual[name]]
        if different:
            raise UsageError(
                f"runs {first.run.id} and {other.run.id} have other {', '.join(different)}: their"
                " predictions cannot be averaged"
            )


def load_trained_model(
    db: store.Database,
    run: Run,
    *,
    execute_code: bool,
    user_model: str | None = None,
    raw: bool = False,
) -> TrainedModel:
    """The model of a run with the weights of its selected epoch.

    Args:
        db: the database.
        run: a run that has stored its weights.
        execute_code: whether a user-defined model may be executed, because the command names the
            run; a model that is itself named in `user_model` always may.
        user_model: where the code of the run's user-defined model is now, as `file.py:NAME`.
        raw: the model returns its outputs instead of probabilities or values.

    Raises:
        UsageError: another program trained the run, or it stored no weights, trained a task of the
            user, or its model is not user-defined.
        CheckpointError: a stored file is missing, was changed, or does not fit.
        UserCodeRefused: the model's code must not be executed.
        UserCodeError: the model's code has changed, or fails.
        DataError: the run is of an earlier version, and its training data is needed.
    """
    store.check_trained_by_nnlab(run, "build its model")
    files = {artifact.kind: artifact for artifact in store.artifacts(db, run.id)}
    if MODEL_ARTIFACT_KIND not in files:
        raise no_weights_error(run)
    weights = _stored_file(db, run, files[MODEL_ARTIFACT_KIND])
    if is_user_code("task", str(run.trial.setting.get("task"))):
        raise UsageError(
            f"run {run.id} trained --task {run.trial.setting['task']}: only the task knows how its"
            " modules are applied to new data",
            hint=f"its weights are in {weights}",
        )
    with allow_user_code(execute_code or user_model is not None):
        if _DESCRIPTION in files:
            description = _read_description(db, run, files[_DESCRIPTION])
        else:
            description = _describe_from_data(run)
        if user_model is not None:
            description = _with_user_model(run, description, user_model)
        model = build_model(description, dict(transfer.read_weights(weights)), str(weights))
    return TrainedModel(run, description, InferenceModel(model, description, raw=raw).eval())


def allow_user_code(allowed: bool) -> AbstractContextManager[None]:
    """A context in which user code of a run is executed only if the command names the run."""
    if allowed:
        return nullcontext()
    return user_code.forbid_execution(
        "user code is executed only for runs that the command names",
        hint="name the run by its number, or its code with --model file.py:NAME",
    )


def no_weights_error(run: Run) -> UsageError:
    """The error for a run without stored weights."""
    if run.pruned_at is not None:
        return UsageError(
            f"run {run.id} stored no weights: a pruner ended it after epoch {run.pruned_at}",
            hint="choose a run that was trained to its end",
        )
    return UsageError(
        f"run {run.id} ({run.status}) stored no weights",
        hint="train it to its end, without --no-keep-models; --again trains a finished run anew",
    )


def _interface(description: ModelDescription) -> dict[str, object]:
    """What the models of an ensemble must have in common, by name.

    The numbers that replace missing values may differ.
    """
    return {
        "tasks": description.task,
        "shapes of an example": description.in_shape,
        "shapes of an output": description.output_shape,
        "numbers of outputs": description.num_outputs,
        "classes": description.classes,
        "columns or categories": tuple(replace(column, fill=()) for column in description.columns),
        "targets": (description.target_name, description.target_columns),
        "vocabularies": description.vocabulary,
        "number formats": description.setting.get("dtype"),
    }


def _stored_file(db: store.Database, run: Run, artifact: Artifact) -> Path:
    """The local path of a file that a run stored; its content is the one that was written.

    Raises:
        CheckpointError: it is missing or was changed.
    """
    folder = store.artifacts_folder(db, run.artifacts)
    shown = f"{folder.display_name}/{artifact.path}"
    try:
        path = folder.local(artifact.path, artifact.sha256)
        unchanged = sha256_of(path) == artifact.sha256
    except FileNotFoundError:
        raise CheckpointError(
            f"run {run.id}: {shown} is missing", hint="restore it, or train the run with --again"
        ) from None
    except OSError as error:
        raise CheckpointError(f"cannot read {shown}: {error.strerror}") from None
    if not unchanged:
        raise CheckpointError(f"run {run.id}: {shown} is not the file that the run wrote")
    return path


def _read_description(db: store.Database, run: Run, artifact: Artifact) -> ModelDescription:
    path = _stored_file(db, run, artifact)
    try:
        content = read_limited(path, MAX_DESCRIPTION_BYTES)
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from None
    description = parse_description(content, str(path))
    if description.digest != run.trial.digest:
        raise CheckpointError(f"{path} belongs to another run than run {run.id}")
    return description


def _describe_from_data(run: Run) -> ModelDescription:
    """The description of a run that an earlier version of nnlab trained.

    Raises:
        DataError: the training data is not available any more.
    """
    config = config_of(run.trial.setting, run.known_seed)
    try:
        data = prepare_data(config, torch.device("cpu"))
    except DataError as error:
        raise DataError(
            f"run {run.id} was trained by an earlier nnlab, which did not store what predictions"
            f" need; it is taken from the training data: {error.message}",
            hint=error.hint,
        ) from None
    if run.data_fingerprint not in (None, data.fingerprint):
        raise DataError(
            f"run {run.id} was trained on other data than {config.data} has now",
            hint="train it again: --again",
        )
    return describe_model(config, data)


def _with_user_model(run: Run, description: ModelDescription, reference: str) -> ModelDescription:
    if description.user_model is None:
        raise UsageError(
            f"--model {reference}: run {run.id} uses the built-in model"
            f" {description.setting['model']}",
            hint="leave out --model",
        )
    return replace(description, setting={**description.setting, "model": reference})
