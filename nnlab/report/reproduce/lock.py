"""The packages of a `requirements.txt`, found to be names and versions and nothing else.

pip reads options in such a file, as `--index-url`, and installs what it names: a database of
somebody else must not choose either. Only packages that nnlab records of an environment are taken.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from nnlab.workers.provenance import RECORDED_PACKAGES

# PEP 440, appendix B, without the local version: no index has a build such as 2.6.0+cpu.
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
    """The content of a `requirements.txt`, and how many packages were left out of it."""

    text: str
    dropped: int


def build_lock(packages: Mapping[str, str]) -> PackageLock:
    r"""Exact versions of the packages of an environment; nnlab itself is the Makefile's.

    >>> lock_of({"torch": "2.6.0+cpu", "--index-url": "https://lab.example"})
    Lock(text='torch==2.6.0\n', dropped=1)
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
