"""Installs a package of tests/assets without a network, as pip would: its code and its metadata."""

import re
import shutil
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from nnlab.catalogue import plugins

ASSETS = Path(__file__).parent / "assets"
DOCS = Path(__file__).parent.parent / "docs"
PACKAGES = ("lab_extras", "broken_extras")

# Puts a folder with installed packages on the search path, of this process and of others.
Install = Callable[[Path], None]

_BLOCK = re.compile(r"^```(toml|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def install_package(source: Path, folder: Path, *, version: str | None = None) -> Path:
    """Copies the modules of a package with a pyproject.toml, and writes its dist-info folder."""
    project = tomllib.loads((source / "pyproject.toml").read_text())["project"]
    shutil.copytree(source / "src", folder, dirs_exist_ok=True)
    write_metadata(
        folder,
        project["name"],
        version or project["version"],
        project.get("entry-points", {}),
    )
    return folder


def write_metadata(
    folder: Path, name: str, version: str, entry_points: dict[str, dict[str, str]]
) -> None:
    """Writes the metadata of an installed package into a folder of the search path."""
    metadata = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = []
    for group, entries in entry_points.items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in entries.items()), ""]
    (metadata / "entry_points.txt").write_text("\n".join(lines))


def install_documented_package(folder: Path) -> Path:
    """Installs the package that docs/extending.md shows, and writes its test file."""
    files: dict[str, str] = {}
    name = ""
    for _, block in _BLOCK.findall((DOCS / "extending.md").read_text()):
        if block.startswith("# "):
            name = block.splitlines()[0].removeprefix("# ")
        files[name] = files.get(name, "") + block
    project = tomllib.loads(files.pop("pyproject.toml"))["project"]
    for name, text in files.items():
        (folder / name).write_text(text)
    write_metadata(folder, project["name"], project["version"], project["entry-points"])
    return folder


def forget_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a new process: nothing was imported or reported."""
    monkeypatch.setattr(plugins, "_LOADED", {})
    monkeypatch.setattr(plugins, "_REPORTED", set())
    for name in [name for name in sys.modules if name.partition(".")[0] in PACKAGES]:
        del sys.modules[name]
