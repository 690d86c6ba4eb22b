"""Artifacts of MLflow's functions: files of the run."""

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from nnlab.compat.mlflow.active_run import state
from nnlab.tracking.config_values import plain_value
from nnlab.tracking.media_types import Image, LoggedTable


def log_artifact(
    local_path: Any, artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Records a copy of a file, or of all files of a folder."""
    if Path(local_path).is_dir():
        folder = PurePosixPath(artifact_path or "") / Path(local_path).name
        log_artifacts(local_path, str(folder), run_id)
    else:
        state.needed_run(run_id).save(local_path, artifact_path)


def log_artifacts(
    local_dir: Any, artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Records copies of all files of a folder."""
    folder = Path(local_dir)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            inner = PurePosixPath(artifact_path or "") / path.relative_to(folder).parent.as_posix()
            state.needed_run(run_id).save(path, str(inner))


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Records a text file."""
    with state.needed_run(run_id).new_file(artifact_file) as path:
        path.write_text(str(text), encoding="utf-8", errors="replace")


def log_dict(dictionary: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Records a JSON file, also under a name that ends in .yaml: JSON is YAML."""
    log_text(json.dumps(plain_value(dictionary), indent=2), artifact_file, run_id)


def log_figure(
    figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None
) -> None:
    """Records a figure of matplotlib, or a page of a figure of plotly."""
    with state.needed_run().new_file(artifact_file) as path:
        if callable(getattr(figure, "write_html", None)):
            figure.write_html(str(path))
        else:
            figure.savefig(path, **(save_kwargs or {}))


def log_image(
    image: Any, artifact_file: str | None = None, key: str | None = None, step: int | None = None,
    *arguments: Any, **keywords: Any,
) -> None:  # fmt: skip
    """Records an image as a file, or with a key and a step."""
    run = state.needed_run()
    if artifact_file is None:
        run.handle.log({key or "image": Image(image)}, step=step)
        return
    with run.new_file(artifact_file) as path:
        Image(image).image.save(path)


def log_table(data: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Records a table, given by columns or as a data frame, as JSON."""
    if isinstance(data, Mapping):
        columns = {str(name): _cells(values) for name, values in data.items()}
        rows = [list(row) for row in zip(*columns.values(), strict=False)]
        table = LoggedTable(list(columns), rows)
    else:
        table = LoggedTable(dataframe=data)
    with state.needed_run(run_id).new_file(artifact_file) as path:
        path.write_bytes(table.encode())


def _cells(values: Any) -> list[Any]:
    is_sequence = isinstance(values, list | tuple) or hasattr(values, "tolist")
    return list(values) if is_sequence else [values]


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """The address of the folder of the run's files."""
    uri = state.needed_run().info.artifact_uri
    return f"{uri}/{artifact_path}" if artifact_path else uri
