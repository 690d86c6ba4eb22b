"""Folders for what runs make: on a disk, or wherever fsspec reaches (s3, gs, sftp, ...).

>>> folder_at("runs.artifacts").within("7").shown
'runs.artifacts/7'
>>> folder_at("s3://lab/results").within("7").shown
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

# Object stores, which have no folders to be made; some would make a whole bucket instead.
_OBJECT_STORE_SCHEMES = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "oci")


# What `write_atomic` names a file before it is complete.
_PARTIAL_FILE = re.compile(r"\..+\.\d+\.part")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Folder(ABC):
    """A folder of files, each of which is at any moment the old one or the new one, whole.

    Methods raise OutputError, or DiskFull, where the place does not do what it is asked; a name
    that is not there is a FileNotFoundError.
    """

    @property
    @abstractmethod
    def shown(self) -> str:
        """What it is called; holds no password."""

    @abstractmethod
    def within(self, name: str) -> "Folder":
        """A folder in it, which need not be there."""

    @abstractmethod
    def names(self) -> list[str]:
        """The files right in it, sorted; none where there is no such folder."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """What a file holds."""

    @abstractmethod
    def write(self, name: str, content: bytes) -> None:
        """Writes a file, and the folder if there is none yet; durable when it returns."""

    def write_volatile(self, name: str, content: bytes) -> None:
        """Writes a file that may be lost if the machine stops now."""
        self.write(name, content)

    @abstractmethod
    def append(self, name: str, content: bytes) -> None:
        """Writes on at the end of a file, which need not be there yet."""

    @abstractmethod
    def rename(self, name: str, new: str) -> None:
        """Gives a file another name."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Removes a file, if it is there."""

    @abstractmethod
    def tidy(self) -> None:
        """Removes halves of files that a dead process left, and the folder if it is empty."""

    @abstractmethod
    def clear(self) -> None:
        """Removes the folder and all that is in it."""

    @abstractmethod
    def size_of(self, name: str) -> int | None:
        """The bytes of a file; None where there is none."""

    def local(self, name: str, sha256: str) -> Path:
        """Where a file of such content can be read on this machine: fetched, if it is elsewhere."""
        if not _SHA256.fullmatch(sha256):
            raise OutputError(f"{self.shown}/{name}: {sha256!r} is no SHA-256")
        path = cache_dir() / "artifacts" / f"{sha256}{Path(name).suffix}"
        if not path.exists():
            content = self.read(name)
            if hashlib.sha256(content).hexdigest() != sha256:
                raise OutputError(f"{self.shown}/{name} is not the file that the run made")
            with contextlib.suppress(FileExistsError):
                path.parent.mkdir(parents=True)
            write_atomic(path, content)
        return path


class LocalFolder(Folder):
    """A folder on a disk of this machine, or one that it has mounted."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def shown(self) -> str:
        """Its path."""
        return str(self._path)

    def within(self, name: str) -> "LocalFolder":
        """As every folder does."""
        return LocalFolder(self._path / check_relative_name(name))

    def names(self) -> list[str]:
        """As every folder does."""
        with contextlib.suppress(OSError):
            return sorted(path.name for path in self._path.iterdir() if path.is_file())
        return []

    def read(self, name: str) -> bytes:
        """As every folder does."""
        path = self._path / check_relative_name(name)
        try:
            with open_regular(path) as file:
                return file.read()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise OutputError(f"cannot read {path}: {error.strerror}") from error

    def write(self, name: str, content: bytes) -> None:
        """As every folder does."""
        path = self._path / check_relative_name(name)
        self._make_parent(path)
        write_atomic(path, content)

    def write_volatile(self, name: str, content: bytes) -> None:
        """As every folder does, without waiting for the disk."""
        path = self._path / check_relative_name(name)
        self._make_parent(path)
        write_atomic(path, content, durable=False)

    def append(self, name: str, content: bytes) -> None:
        """As every folder does."""
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
        """As every folder does."""
        with self._ours(name):
            (self._path / check_relative_name(name)).replace(self._path / check_relative_name(new))

    def remove(self, name: str) -> None:
        """As every folder does."""
        with self._ours(name):
            (self._path / check_relative_name(name)).unlink(missing_ok=True)

    def tidy(self) -> None:
        """As every folder does."""
        with contextlib.suppress(OSError):
            if self._path.is_symlink():
                return
            for path in self._path.glob(".*.part"):
                if _PARTIAL_FILE.fullmatch(path.name):
                    path.unlink(missing_ok=True)
            self._path.rmdir()

    def clear(self) -> None:
        """As every folder does."""
        with self._ours(""), contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self._path)

    def size_of(self, name: str) -> int | None:
        """As every folder does."""
        path = self._path / check_relative_name(name)
        return path.stat().st_size if path.is_file() else None

    def local(self, name: str, sha256: str) -> Path:  # noqa: ARG002  it is here anyway
        """Where it lies; it need not be there, and is not looked into."""
        return self._path / check_relative_name(name)

    def _make_parent(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise to_nnlab_error(error, path) from None

    @contextmanager
    def _ours(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise to_nnlab_error(error, self._path / name) from error


class UrlFolder(Folder):
    """A folder that fsspec reaches. Object stores write a file whole or not at all."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    @property
    def shown(self) -> str:
        """Its URL."""
        return self._url

    def within(self, name: str) -> "UrlFolder":
        """As every folder does."""
        return UrlFolder(f"{self._url}/{check_relative_name(name)}")

    def names(self) -> list[str]:
        """As every folder does."""
        with self._ours():
            system, path = self._at
            try:
                found = system.ls(path, detail=True, refresh=True)
            except FileNotFoundError:
                return []
            return sorted(one["name"].rsplit("/", 1)[-1] for one in found if one["type"] == "file")

    def read(self, name: str) -> bytes:
        """As every folder does."""
        with self._ours():
            system, path = self._at
            content: bytes = system.cat_file(f"{path}/{check_relative_name(name)}")
            return content

    def write(self, name: str, content: bytes) -> None:
        """As every folder does."""
        with self._ours():
            system, path = self._at
            if urlsplit(self._url).scheme not in _OBJECT_STORE_SCHEMES:
                system.makedirs(path, exist_ok=True)
            try:
                system.pipe_file(f"{path}/{check_relative_name(name)}", content)
            except FileNotFoundError as error:
                raise OutputError(f"{self._url} cannot be written: {error}") from error

    def append(self, name: str, content: bytes) -> None:
        """As every folder does: object stores know no end to write on at."""
        before = b""
        with contextlib.suppress(FileNotFoundError):
            before = self.read(name)
        self.write(name, before + content)

    def rename(self, name: str, new: str) -> None:
        """As every folder does."""
        with self._ours():
            system, path = self._at
            system.mv(f"{path}/{check_relative_name(name)}", f"{path}/{check_relative_name(new)}")

    def remove(self, name: str) -> None:
        """As every folder does."""
        with self._ours(), contextlib.suppress(FileNotFoundError):
            system, path = self._at
            system.rm_file(f"{path}/{check_relative_name(name)}")

    def tidy(self) -> None:
        """As every folder does; most such places know no empty folders."""
        if not self.names():
            with contextlib.suppress(Exception):
                system, path = self._at
                system.rmdir(path)

    def clear(self) -> None:
        """As every folder does."""
        with self._ours(), contextlib.suppress(FileNotFoundError):
            system, path = self._at
            system.rm(path, recursive=True)

    def size_of(self, name: str) -> int | None:
        """As every folder does."""
        with self._ours():
            system, path = self._at
            try:
                size: int = system.info(f"{path}/{check_relative_name(name)}", refresh=True)["size"]
            except FileNotFoundError:
                return None
            return size

    @cached_property
    def _at(self) -> tuple[Any, str]:
        """Fsspec's file system, and the path in it."""
        # Who keeps files on a disk waits for none of it.
        from fsspec.core import url_to_fs

        system, path = url_to_fs(self._url)
        return system, path

    @contextmanager
    def _ours(self) -> Iterator[None]:
        try:
            yield
        except (NnlabError, FileNotFoundError):
            raise
        except (ImportError, ValueError) as error:
            # What is missing fsspec says best: "Install s3fs to access S3".
            raise OutputError(f"{self._url} cannot be reached: {error}") from error
        except Exception as error:  # each file system has errors of its own
            told = str(error).strip() or type(error).__name__
            raise OutputError(f"{self._url} failed: {mask_secrets(told)}") from error


def check_relative_name(name: str) -> str:
    """A name in a folder, found to lead to no other place; a database may say anything.

    >>> inside("7/model.pt")
    '7/model.pt'

    Raises:
        OutputError: it is absolute, or has an empty part, `.`, `..` or a backslash.
    """
    if "\\" in name or "\0" in name or any(part in ("", ".", "..") for part in name.split("/")):
        raise OutputError(f"{name!r} is no name of a file in the folder of a run")
    return name


def absolute_location(place: str) -> str:
    """A folder as every machine that has it would name it, or a URL, found to be sound.

    Raises:
        UsageError: the URL is of a kind that nothing here reaches, or holds a password.
    """
    if isinstance(folder_at(place), LocalFolder):
        return str(Path(place.removeprefix("file://")).expanduser().absolute())
    from fsspec import get_filesystem_class

    try:
        get_filesystem_class(urlsplit(place).scheme)
    except (ImportError, ValueError) as error:
        # What is missing fsspec says best: "Install s3fs to access S3".
        raise UsageError(f"{mask_url(place)} cannot be reached: {error}") from None
    return place


def folder_at(place: str) -> Folder:
    """The folder that a path or a URL names; nothing is looked at yet.

    Raises:
        UsageError: the URL holds a password, which would be stored with every run.
    """
    if "://" not in place:
        return LocalFolder(Path(place).expanduser())
    if (masked := mask_url(place)) != place:
        raise UsageError(
            f"{masked} holds a password or key, which would be stored with every run",
            hint="give it to the place's own library: a variable or a file of its",
        )
    url = urlsplit(place)
    if url.scheme in ("file", "local"):
        return LocalFolder(Path(url.path))
    return UrlFolder(place)
