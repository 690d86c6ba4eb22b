"""The packages of a reproduction folder: its `requirements.txt`, and how nnlab is installed.

pip interprets options such as `--index-url` in this file and installs every package in it, so
untrusted values from a database must not reach it. Only packages that nnlab itself records are
used, and only with valid versions.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from nnlab.provenance.environment import RECORDED_PACKAGES

# PEP 440, appendix B, without the local version: package indexes have no builds like 2.6.0+cpu.
_VERSION_PATTERN = re.compile(
    r"v?(?:\d+!)?\d+(?:\.\d+)*"
    r"(?:[-_.]?(?:alpha|a|beta|b|preview|pre|c|rc)[-_.]?\d*)?"
    r"(?:-\d+|[-_.]?(?:post|rev|r)[-_.]?\d*)?"
    r"(?:[-_.]?dev[-_.]?\d*)?",
    re.ASCII | re.IGNORECASE,
)
_MAX_VERSION_LENGTH = 100
_RELEASE_PATTERN = re.compile(r"\d+(?:\.\d+)*(?:(?:a|b|rc)\d+)?(?:\.post\d+)?", re.ASCII)
# The end of a development version: the abbreviated commit, and perhaps the date of local changes.
_COMMIT_PATTERN = re.compile(r"\+g([0-9a-f]+)(?:\.d\d+)?$", re.ASCII)


@dataclass(frozen=True, slots=True)
class PackageLock:
    """The content of a `requirements.txt`, and the number of packages that were left out."""

    text: str
    dropped: int


def build_lock(packages: Mapping[str, str]) -> PackageLock:
    r"""The exact versions of the packages of an environment, without nnlab (see the Makefile).

    >>> build_lock({"torch": "2.6.0+cpu", "--index-url": "https://lab.example"})
    PackageLock(text='torch==2.6.0\n', dropped=1)
    """
    lines = [
        f"{name}=={version}\n"
        for name, text in sorted(packages.items())
        if name in RECORDED_PACKAGES and (version := _public_version(text)) is not None
    ]
    others = sum(name != "nnlab" for name in packages)
    return PackageLock("".join(lines), others - len(lines))


def nnlab_requirement(version: str) -> str:
    """The requirement that pip installs this version of nnlab by; empty for a development version.

    >>> nnlab_requirement("0.1.0"), nnlab_requirement("0.1.1.dev3+g2450a77")
    ('nnlab==0.1.0', '')
    """
    return f"nnlab=={version}" if _RELEASE_PATTERN.fullmatch(version) else ""


def how_to_install(version: str) -> str:
    """How to install this version of nnlab, in one sentence."""
    if requirement := nnlab_requirement(version):
        return f"Install nnlab with pip: {requirement}."
    commit = _COMMIT_PATTERN.search(version)
    checkout = f"a checkout of nnlab at commit {commit[1]}" if commit else "its checkout of nnlab"
    return (
        f"nnlab {version} is a development version, which no package index has: build a wheel with"
        f" 'make wheel' in {checkout}, then run 'make reproduce NNLAB=/path/to/nnlab.whl'."
    )


def _public_version(text: object) -> str | None:
    if not isinstance(text, str):
        return None
    public = text.partition("+")[0]
    return (
        public
        if len(public) <= _MAX_VERSION_LENGTH and _VERSION_PATTERN.fullmatch(public)
        else None
    )
