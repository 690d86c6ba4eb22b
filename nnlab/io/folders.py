"""Folders for the files of runs, on a disk or at any URL that fsspec supports (s3, gs, sftp, ...).

>>> folder_at("runs.artifacts").within("7").display_name
'runs.artifacts/7'
>>> folder_at("s3://lab/results").within("7").display_name
's3://lab/results/7'
"""

import contextlib
import hashlib
import os
import re
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nnlab.errors import NnlabError, OutputError, UsageError
from nnlab.io.files import cache_dir, open_regular, to_nnlab_error, write_atomic
from nnlab.io.redaction import mask_secrets, mask_url

# Object stores have no folders; creating one would create a whole bucket in some of them.
_OBJECT_STORE_SCHEMES = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "oci")

# The name of a file that `write_atomic` has not completed.
_PARTIAL_FILE = re.compile(r"\..+\.\d+\.part")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Folder(ABC):
    """A folder of files that are written atomically: readers see the old or the new content.

    Methods raise OutputError or DiskFull if an operation fails, and FileNotFoundError for a file
    that does not exist.
    """

    @property
    @abstractmethod
    def display_name(self) -> str:
        """The path or URL for messages; it contains no password."""

    @abstractmethod
    def within(self, name: str) -> "Folder":
        """A subfolder, which need not exist."""

    @abstractmethod
    def file_names(self) -> list[str]:
        """The sorted names of the files directly in the folder; empty if it does not exist."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """The content of a file."""

    @abstractmethod
    def write(self, name: str, content: bytes) -> None:
        """Writes a file durably, and creates the folder if needed."""

    def write_volatile(self, name: str, content: bytes) -> None:
        """Writes a file without waiting for the disk; a crash of the machine may lose it."""
        self.write(name, content)

    @abstractmethod
    def append(self, name: str, content: bytes) -> None:
        """Appends to a file, and creates it if needed."""

    @abstractmethod
    def rename(self, name: str, new: str) -> None:
        """Renames a file."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Removes a file if it exists."""

    @abstractmethod
    def remove_incomplete_files(self) -> None:
        """Removes incomplete files of dead processes, and the folder if it is empty."""

    @abstractmethod
    def remove_folder(self) -> None:
        """Removes the folder with all its files."""

    @abstractmethod
    def size_of(self, name: str) -> int | None:
        """The size of a file in bytes; None if it does not exist."""

    def local(self, name: str, sha256: str) -> Path:
        """A local path of a file with this SHA-256, downloaded to the cache if it is remote."""
        if not _SHA256.fullmatch(sha256):
            raise OutputError(f"{self.display_name}/{name}: {sha256!r} is not a SHA-256")
        path = cache_dir() / "artifacts" / f"{sha256}{Path(name).suffix}"
        if not path.exists():
            content = self.read(name)
            if hashlib.sha256(content).hexdigest() != sha256:
                raise OutputError(
                    f"{self.display_name}/{name} is not the file that the run created"
                )
            with contextlib.suppress(FileExistsError):
                path.parent.mkdir(parents=True)
            write_atomic(path, content)
        return path


class LocalFolder(Folder):
    """A folder on a local or mounted disk."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def display_name(self) -> str:
        """The path."""
        return str(self._path)

    def within(self, name: str) -> "LocalFolder":
        """A subfolder, which need not exist."""
        return LocalFolder(self._path / check_relative_name(name))

    def file_names(self) -> list[str]:
        """The sorted names of the files directly in the folder."""
        with contextlib.suppress(OSError):
            return sorted(path.name for path in self._path.iterdir() if path.is_file())
        return []

    def read(self, name: str) -> bytes:
        """The content of a regular file."""
        path = self._path / check_relative_name(name)
        try:
            with open_regular(path) as file:
                return file.read()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise OutputError(f"cannot read {path}: {error.strerror}") from error

    def write(self, name: str, content: bytes) -> None:
        """Writes a file atomically and waits for the disk."""
        path = self._path / check_relative_name(name)
        self._make_parent(path)
        write_atomic(path, content)

    def write_volatile(self, name: str, content: bytes) -> None:
        """Writes a file atomically, without waiting for the disk."""
        path = self._path / check_relative_name(name)
        self._make_parent(path)
        write_atomic(path, content, durable=False)

    def append(self, name: str, content: bytes) -> None:
        """Appends to a file and waits for the disk."""
        path = self._path / check_relative_name(name)
        self._make_parent(path)
        try:
            with path.open("ab") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise to_nnlab_error(error, path) from error

    def rename(self, name: str, new: str) -> None:
        """Renames a file, replacing one of the new name."""
        with self._converting_errors(name):
            (self._path / check_relative_name(name)).replace(self._path / check_relative_name(new))

    def remove(self, name: str) -> None:
        """Removes a file if it exists."""
        with self._converting_errors(name):
            (self._path / check_relative_name(name)).unlink(missing_ok=True)

    def remove_incomplete_files(self) -> None:
        """Removes incomplete files of dead processes, and the folder if it is empty."""
        with contextlib.suppress(OSError):
            if self._path.is_symlink():
                return
            for path in self._path.glob(".*.part"):
                if _PARTIAL_FILE.fullmatch(path.name):
                    path.unlink(missing_ok=True)
            self._path.rmdir()

    def remove_folder(self) -> None:
        """Removes the folder with all its files."""
        with self._converting_errors(""), contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self._path)

    def size_of(self, name: str) -> int | None:
        """The size of a file in bytes; None if it does not exist."""
        path = self._path / check_relative_name(name)
        return path.stat().st_size if path.is_file() else None

    def local(self, name: str, sha256: str) -> Path:  # noqa: ARG002  the file is already local
        """The path of the file, which need not exist; its content is not checked."""
        return self._path / check_relative_name(name)

    def _make_parent(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise to_nnlab_error(error, path) from None

    @contextmanager
    def _converting_errors(self, name: str) -> Iterator[None]:
        """Raises the errors of the system as errors of nnlab."""
        try:
            yield
        except OSError as error:
            raise to_nnlab_error(error, self._path / name) from error


class UrlFolder(Folder):
    """A folder that fsspec accesses by URL; object stores write files atomically by themselves."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    @property
    def display_name(self) -> str:
        """The URL."""
        return self._url

    def within(self, name: str) -> "UrlFolder":
        """A subfolder, which need not exist."""
        return UrlFolder(f"{self._url}/{check_relative_name(name)}")

    def file_names(self) -> list[str]:
        """The sorted names of the files directly in the folder."""
        with self._converting_errors():
            system, path = self._filesystem_and_path
            try:
                entries = system.ls(path, detail=True, refresh=True)
            except FileNotFoundError:
                return []
            files = (entry["name"] for entry in entries if entry["type"] == "file")
            return sorted(name.rsplit("/", 1)[-1] for name in files)

    def read(self, name: str) -> bytes:
        """The content of a file."""
        with self._converting_errors():
            system, path = self._filesystem_and_path
            content: bytes = system.cat_file(f"{path}/{check_relative_name(name)}")
            return content

    def write(self, name: str, content: bytes) -> None:
        """Writes a file, and creates the folder if the file system has folders."""
        with self._converting_errors():
            system, path = self._filesystem_and_path
            if urlsplit(self._url).scheme not in _OBJECT_STORE_SCHEMES:
                system.makedirs(path, exist_ok=True)
            try:
                system.pipe_file(f"{path}/{check_relative_name(name)}", content)
            except FileNotFoundError as error:
                raise OutputError(f"{self._url} cannot be written: {error}") from error

    def append(self, name: str, content: bytes) -> None:
        """Appends to a file by rewriting it, because object stores cannot append."""
        existing = b""
        with contextlib.suppress(FileNotFoundError):
            existing = self.read(name)
        self.write(name, existing + content)

    def rename(self, name: str, new: str) -> None:
        """Renames a file."""
        with self._converting_errors():
            system, path = self._filesystem_and_path
            system.mv(f"{path}/{check_relative_name(name)}", f"{path}/{check_relative_name(new)}")

    def remove(self, name: str) -> None:
        """Removes a file if it exists."""
        with self._converting_errors(), contextlib.suppress(FileNotFoundError):
            system, path = self._filesystem_and_path
            system.rm_file(f"{path}/{check_relative_name(name)}")

    def remove_incomplete_files(self) -> None:
        """Removes the folder if it is empty; most remote file systems have no empty folders."""
        if not self.file_names():
            with contextlib.suppress(Exception):
                system, path = self._filesystem_and_path
                system.rmdir(path)

    def remove_folder(self) -> None:
        """Removes the folder with all its files."""
        with self._converting_errors(), contextlib.suppress(FileNotFoundError):
            system, path = self._filesystem_and_path
            system.rm(path, recursive=True)

    def size_of(self, name: str) -> int | None:
        """The size of a file in bytes; None if it does not exist."""
        with self._converting_errors():
            system, path = self._filesystem_and_path
            try:
                size: int = system.info(f"{path}/{check_relative_name(name)}", refresh=True)["size"]
            except FileNotFoundError:
                return None
            return size

    @cached_property
    def _filesystem_and_path(self) -> tuple[Any, str]:
        """The file system of fsspec, and the path in it."""
        # Imported here, because only folders at a URL need fsspec.
        from fsspec.core import url_to_fs

        system, path = url_to_fs(self._url)
        return system, path

    @contextmanager
    def _converting_errors(self) -> Iterator[None]:
        """Raises the errors of fsspec and its file systems as errors of nnlab."""
        try:
            yield
        except (NnlabError, FileNotFoundError):
            raise
        except (ImportError, ValueError) as error:
            # The message of fsspec names the missing package: "Install s3fs to access S3".
            raise OutputError(f"{self._url} cannot be reached: {error}") from error
        except Exception as error:  # each file system has its own exception classes
            reason = str(error).strip() or type(error).__name__
            raise OutputError(f"{self._url} failed: {mask_secrets(reason)}") from error


def check_relative_name(name: str) -> str:
    """The name of a file in a folder, checked because names in a database are not trusted.

    >>> check_relative_name("7/model.pt")
    '7/model.pt'

    Raises:
        OutputError: the name is absolute, or has an empty part, `.`, `..` or a backslash.
    """
    if "\\" in name or "\0" in name or any(part in ("", ".", "..") for part in name.split("/")):
        raise OutputError(f"{name!r} is not a valid file name in the folder of a run")
    return name


def absolute_location(location: str) -> str:
    """The absolute path of a local folder, or the URL of a remote one if fsspec supports it.

    Raises:
        UsageError: fsspec does not support the URL, or the URL contains a password.
    """
    if isinstance(folder_at(location), LocalFolder):
        return str(Path(location.removeprefix("file://")).expanduser().absolute())
    from fsspec import get_filesystem_class  # here, because only URLs need fsspec

    try:
        get_filesystem_class(urlsplit(location).scheme)
    except (ImportError, ValueError) as error:
        # The message of fsspec names the missing package: "Install s3fs to access S3".
        raise UsageError(f"{mask_url(location)} cannot be reached: {error}") from None
    return location


def folder_at(location: str) -> Folder:
    """The folder at a path or URL, which is not accessed yet.

    Raises:
        UsageError: the URL contains a password, which would be stored with every run.
    """
    if "://" not in location:
        return LocalFolder(Path(location).expanduser())
    if (masked := mask_url(location)) != location:
        raise UsageError(
            f"{masked} contains a password or key, which would be stored with every run",
            hint="configure credentials by the variables or files of the storage's library",
        )
    url = urlsplit(location)
    if url.scheme in ("file", "local"):
        return LocalFolder(Path(url.path))
    return UrlFolder(location)
