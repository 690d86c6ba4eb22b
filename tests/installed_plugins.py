"""Installs a package of tests/assets without a network, as pip would: its code and its metadata."""

import shutil
import tomllib
from pathlib import Path

ASSETS = Path(__file__).parent / "assets"


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
