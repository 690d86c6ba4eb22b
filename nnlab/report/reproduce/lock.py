"""Writes the `requirements.txt` of a reproduction folder from the packages of an environment.

pip interprets options such as `--index-url` in this file and installs every package in it, so
untrusted values from a database must not reach it. Only packages that nnlab itself records are
used, and only with valid versions.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from nnlab.workers.provenance import RECORDED_PACKAGES

# PEP 440, appendix B, without the local version: package indexes have no builds like 2.6.0+cpu.
_VERSION_PATTERN = re.compile(
    r"v?(?:\d+!)?\d+(?:\.\d+)*"
    r"(?:[-_.]?(?:alpha|a|beta|b|preview|pre|c|rc)[-_.]?\d*)?"
    r"(?:-\d+|[-_.]?(?:post|rev|r)[-_.]?\d*)?"
    r"(?:[-_.]?dev[-_.]?\d*)?",
    re.ASCII | re.IGNORECASE,
)
_MAX_VERSION_LENGTH = 100


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


def _public_version(text: object) -> str | None:
    if not isinstance(text, str):
        return None
    public = text.partition("+")[0]
    return (
        public
        if len(public) <= _MAX_VERSION_LENGTH and _VERSION_PATTERN.fullmatch(public)
        else None
    )
