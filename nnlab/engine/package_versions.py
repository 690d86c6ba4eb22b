"""Versions of the models of packages, which identify a model without importing its package."""

import hashlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from nnlab.errors import UserCodeError

# Packages by the prefix of their models in `--model`.
PACKAGES: Mapping[str, str] = {"timm:": "timm", "hf:": "transformers"}

_SUFFIXES = (".json", ".safetensors", ".bin")


def package_model_version(prefix: str, model: str) -> str:
    """The name and version of the package, and of a local folder the hash of its content.

    Args:
        prefix: a key of `PACKAGES`.
        model: the value of `--model`, such as `timm:resnet18`.

    Raises:
        UserCodeError: the package is not installed.
    """
    package = PACKAGES[prefix]
    try:
        version = metadata.version(package)
    except metadata.PackageNotFoundError:
        raise UserCodeError(
            f"--model {model} needs the package {package}, which is not installed",
            hint=f"pip install {package}",
        ) from None
    folder = Path(model.removeprefix(prefix)).expanduser()
    if prefix == "hf:" and folder.is_dir():
        return f"{package} {version} {_content_hash(tuple(_file_states(folder)))}"
    return f"{package} {version}"


def _file_states(folder: Path) -> Iterator[tuple[str, int, int]]:
    """The files that define a saved model: path, size and time of the last change."""
    for path in sorted(folder.iterdir()):
        if path.suffix in _SUFFIXES and path.is_file():
            status = path.stat()
            yield str(path), status.st_size, status.st_mtime_ns


@lru_cache(maxsize=64)
def _content_hash(states: tuple[tuple[str, int, int], ...]) -> str:
    """The first 16 hex digits of a SHA-256 of the files' contents; unchanged files are cached."""
    digest = hashlib.sha256()
    for path, _, _ in states:
        with Path(path).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]
