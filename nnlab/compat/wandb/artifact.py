"""`wandb.Artifact`: files that are recorded together with a run."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from nnlab.compat.media import json_file
from nnlab.compat.unsupported import unsupported_attributes
from nnlab.tracking import RunHandle
from nnlab.tracking.config_values import plain_value
from nnlab.tracking.media import Media

_unsupported = unsupported_attributes("wandb.Artifact")


class Artifact:
    """Collects files; `run.log_artifact` copies them to the folder of the run."""

    def __init__(
        self,
        name: str,
        type: str,  # noqa: A002  its name in W&B
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        **ignored: Any,
    ) -> None:
        del ignored
        self.name, self.type, self.description = name, type, description
        self.metadata: dict[str, Any] = dict(metadata or {})
        self.aliases: list[str] = []
        self._files: dict[str, Path] = {}
        self._references: dict[str, str] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def add_file(self, local_path: Any, name: str | None = None, **ignored: Any) -> None:
        """Adds a file, under its own name by default."""
        del ignored
        self._files[_safe_name(name or Path(local_path).name)] = Path(local_path)

    def add_dir(self, local_path: Any, name: str | None = None, **ignored: Any) -> None:
        """Adds the files of a folder."""
        del ignored
        folder = Path(local_path)
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                inner = PurePosixPath(name or "") / path.relative_to(folder).as_posix()
                self.add_file(path, str(inner))

    def add_reference(self, uri: Any, name: str | None = None, **ignored: Any) -> None:
        """Adds an address; what is there is not read."""
        del ignored
        self._references[name or str(uri)] = str(uri)

    def add(self, obj: Any, name: str, **ignored: Any) -> None:
        """Adds an image, a table or another medium."""
        del ignored
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
            self._folder = tempfile.TemporaryDirectory(prefix="nnlab-artifact-")
        path = Path(self._folder.name) / _safe_name(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def record(self, handle: RunHandle) -> None:
        """Copies the files to the folder of a run, with a file `artifact.json` that describes them."""
        place = f"artifacts/{_safe_name(self.name)}"
        for name, path in self._files.items():
            handle.save(path, name=f"{place}/{name}")
        description = {
            "name": self.name,
            "type": self.type,
            "description": self.description,
            "metadata": plain_value(self.metadata),
            "files": sorted(self._files),
            "references": self._references,
        }
        path = self._new_path("artifact.json")
        path.write_bytes(json_file(description).encode())
        handle.save(path, name=f"{place}/artifact.json")

    def files(self) -> list[str]:
        """The names of the files."""
        return sorted(self._files)

    def wait(self, timeout: int | None = None) -> "Artifact":
        """The artifact; its files are copied at once."""
        del timeout
        return self

    def save(self, *arguments: Any, **keywords: Any) -> None:
        """Does nothing; `run.log_artifact` records the artifact."""
        del arguments, keywords

    def __getattr__(self, name: str) -> Any:
        return _unsupported(name)


def as_artifact(artifact_or_path: Any, name: str, kind: str) -> Artifact:
    """The artifact, or one with the files of a path."""
    if isinstance(artifact_or_path, Artifact):
        return artifact_or_path
    artifact = Artifact(name, kind)
    if Path(artifact_or_path).is_dir():
        artifact.add_dir(artifact_or_path)
    else:
        artifact.add_file(artifact_or_path)
    return artifact


def _safe_name(name: str) -> str:
    """The path below a folder that a name means, without parts that lead out of it.

    >>> _safe_name("../model:v0/weights.pt"), _safe_name("/etc/passwd")
    ('model:v0/weights.pt', 'etc/passwd')
    """
    parts = [part for part in PurePosixPath(str(name)).parts if part not in ("/", "..", ".")]
    return "/".join(parts) or "file"
