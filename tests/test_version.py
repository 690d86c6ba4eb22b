"""The version number: of the installed package, else of the checkout, read only when needed."""

import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

import nnlab
from nnlab import version


@pytest.fixture(autouse=True)
def uncached_version() -> Iterator[None]:
    version.nnlab_version.cache_clear()
    yield
    version.nnlab_version.cache_clear()


@pytest.fixture
def not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def raise_not_found(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", raise_not_found)


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_an_installed_package_has_the_version_of_its_metadata(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: f"1.2.3 of {name}")
    assert nnlab.__version__ == "1.2.3 of nnlab"


def test_importing_the_package_reads_no_metadata() -> None:
    code = "import sys, nnlab; print('importlib.metadata' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "False\n"


def test_other_attributes_do_not_exist() -> None:
    with pytest.raises(AttributeError, match="no attribute 'does_not_exist'"):
        _ = nnlab.does_not_exist  # type: ignore[attr-defined]


@pytest.mark.usefixtures("not_installed")
def test_a_checkout_that_is_not_installed_has_the_version_of_its_tag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(version, "_CHECKOUT", tmp_path)
    assert version.nnlab_version() == "0+unknown"
    (tmp_path / "migrations").mkdir()
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", "first")
    version.nnlab_version.cache_clear()
    commit = git(tmp_path, "rev-parse", "--short", "HEAD")
    assert version.nnlab_version() == f"0+g{commit}"
    git(tmp_path, "tag", "v0.1.0")
    version.nnlab_version.cache_clear()
    assert version.nnlab_version() == "0.1.0"
    git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", "second")
    version.nnlab_version.cache_clear()
    commit = git(tmp_path, "rev-parse", "--short", "HEAD")
    assert version.nnlab_version() == f"0.1.1.dev1+g{commit}"


@pytest.mark.usefixtures("not_installed")
def test_a_package_copied_into_another_repository_does_not_have_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", "first")
    git(tmp_path, "tag", "v9.9")
    monkeypatch.setattr(version, "_CHECKOUT", tmp_path)
    assert version.nnlab_version() == "0+unknown"
