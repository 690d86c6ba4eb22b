"""`wandb.Artifact`: files that are recorded together with a run."""

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from nnlab.compat.media import json_file
from nnlab.compat.saved_files import new_file, safe_relative_name, save_file
from nnlab.compat.unsupported import unsupported_attributes
from nnlab.tracking.config_values import plain_value
from nnlab.tracking.media import Media
from nnlab.tracking.run_handle import RunHandle

_unsupported = unsupported_attributes("wandb.Artifact")


class RecordedArtifact:
    """Collects files; `run.log_artifact` copies them to the folder of the run."""

    def __init__(
        self,
        name: str,
        type: str,  # noqa: A002  its name in W&B
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        **ignored: Any,
    ) -> None:
        self.name, self.type, self.description = name, type, description
        self.metadata: dict[str, Any] = dict(metadata or {})
        self.aliases: list[str] = []
        self._files: dict[str, Path] = {}
        self._references: dict[str, str] = {}
        self._folder: Path | None = None

    def add_file(self, local_path: Any, name: str | None = None, **ignored: Any) -> None:
        """Adds a file, under its own name by default."""
        self._files[safe_relative_name(name or Path(local_path).name)] = Path(local_path)

    def add_dir(self, local_path: Any, name: str | None = None, **ignored: Any) -> None:
        """Adds the files of a folder."""
        folder = Path(local_path)
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                inner = PurePosixPath(name or "") / path.relative_to(folder).as_posix()
                self.add_file(path, str(inner))

    def add_reference(self, uri: Any, name: str | None = None, **ignored: Any) -> None:
        """Adds an address; what is there is not read."""
        self._references[name or str(uri)] = str(uri)

    def add(self, obj: Any, name: str, **ignored: Any) -> None:
        """Adds an image, a table or another medium."""
        medium = obj if isinstance(obj, Media) else json_file(obj)
        suffix = "" if name.endswith(medium.suffix) else medium.suffix
        path = self._new_path(name + suffix)
        path.write_bytes(medium.encode())
        self.add_file(path, name + suffix)

    @contextmanager
    def new_file(
        self, name: str, mode: str = "x", encoding: str | None = None
    ) -> Iterator[IO[Any]]:
        """Opens a new file of the artifact for writing."""
        path = self._new_path(name)
        with path.open(mode, encoding=encoding) as file:
            yield file
        self.add_file(path, name)

    def _new_path(self, name: str) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="nnlab-artifact-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        path = self._folder / safe_relative_name(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def record(self, handle: RunHandle) -> None:
        """Copies the files to the folder of a run, and describes them in `artifact.json`."""
        place = f"artifacts/{safe_relative_name(self.name)}"
        for name, path in self._files.items():
            save_file(handle, path, f"{place}/{name}")
        description = {
            "name": self.name,
            "type": self.type,
            "description": self.description,
            "metadata": plain_value(self.metadata),
            "files": sorted(self._files),
            "references": self._references,
        }
        with new_file(handle, f"{place}/artifact.json") as path:
            path.write_bytes(json_file(description).encode())

    def files(self) -> list[str]:
        """The names of the files."""
        return sorted(self._files)

    def wait(self, timeout: int | None = None) -> "RecordedArtifact":
        """The artifact; its files are copied at once."""
        return self

    def save(self, *arguments: Any, **keywords: Any) -> None:
        """Does nothing; `run.log_artifact` records the artifact."""

    def __getattr__(self, name: str) -> Any:
        return _unsupported(name)


def as_artifact(artifact_or_path: Any, name: str, kind: str) -> RecordedArtifact:
    """The artifact, or one with the files of a path."""
    if isinstance(artifact_or_path, RecordedArtifact):
        return artifact_or_path
    artifact = RecordedArtifact(name, kind)
    if Path(artifact_or_path).is_dir():
        artifact.add_dir(artifact_or_path)
    else:
        artifact.add_file(artifact_or_path)
    return artifact
