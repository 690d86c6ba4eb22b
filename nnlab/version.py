"""The version number of nnlab: of the installed package, or of a checkout that is not installed.

Modules read it here, because `nnlab/__init__.py` is the API above them.
"""

import re
from functools import cache
from pathlib import Path

_CHECKOUT = Path(__file__).parents[1]
_GIT_TIMEOUT_SECONDS = 5.0
# Printed by `git describe --tags --long`: the tag, the number of commits since, and the commit.
_DESCRIPTION = re.compile(r"v?(\d+(?:\.\d+)*)-(\d+)-(g[0-9a-f]+)")


@cache
def nnlab_version() -> str:
    """The version of the installed package; the number that the build derived from the git tag.

    A package that is not installed but imported from its checkout has the version of the checkout,
    such as `0.1.1.dev3+g2450a77` three commits after the tag v0.1.0.
    """
    # Imported only here: it takes a tenth of the start of the command line.
    from importlib import metadata

    try:
        return metadata.version("nnlab")
    except metadata.PackageNotFoundError:
        return version_from_git(_git_description())


def version_from_git(description: str) -> str:
    """The version that setuptools-scm derives from the output of `git describe --tags --long`.

    Without a tag, it contains the commit only; without git, it is `0+unknown`.

    >>> version_from_git("v0.1.0-0-g2450a77"), version_from_git("v0.1.0-3-g2450a77")
    ('0.1.0', '0.1.1.dev3+g2450a77')
    >>> version_from_git("2450a77"), version_from_git("")
    ('0+g2450a77', '0+unknown')
    """
    match = _DESCRIPTION.fullmatch(description)
    if match is None:
        return f"0+g{description}" if description.isalnum() else "0+unknown"
    release, commits, commit = match.groups()
    if commits == "0":
        return release
    *leading, last = release.split(".")
    return f"{'.'.join([*leading, str(int(last) + 1)])}.dev{commits}+{commit}"


def _git_description() -> str:
    """The output of `git describe` in the checkout of nnlab; empty without checkout or git."""
    if not (_CHECKOUT / ".git").exists() or not (_CHECKOUT / "migrations").is_dir():
        return ""
    # Imported only here: it takes 5 ms, and an installed package does not need it.
    import subprocess

    command = ["git", "describe", "--tags", "--long", "--always", "--match", "v[0-9]*"]
    try:
        return subprocess.run(  # noqa: S603  fixed arguments
            command,
            cwd=_CHECKOUT,
            capture_output=True,
            text=True,
            check=False,
            timeout=_GIT_TIMEOUT_SECONDS,
        ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""
