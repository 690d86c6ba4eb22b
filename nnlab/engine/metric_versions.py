"""The versions of the user code that `--metrics` names.

Importing this module does not import torch.
"""

import hashlib

from nnlab.engine.user_code import code_version
from nnlab.errors import UserCodeError
from nnlab.settings import parse_metrics


def metrics_version(text: str) -> str | None:
    """The version of the user code that a value of `metrics` names; None if it names none.

    This is the version of its file (`user_code.code_version`), or a hash of those of several.

    Raises:
        UserCodeError: as in `user_code.code_version`.
    """
    references = [metric.reference for metric in parse_metrics(text) if metric.is_user_defined]
    versions = [code_version(reference) for reference in references]
    if len(versions) <= 1:
        return versions[0] if versions else None
    lines = [f"{name} {version}" for name, version in zip(references, versions, strict=True)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def check_metrics_version(text: str, stored_version: str | None) -> None:
    """Checks that the files of a run's metrics have not changed since it was set up.

    Raises:
        UserCodeError: one has changed or is missing.
    """
    if metrics_version(text) != stored_version:
        names = [metric.reference for metric in parse_metrics(text) if metric.is_user_defined]
        raise UserCodeError(
            f"--metrics {','.join(names)} has changed since this run was set up",
            hint="run the same `nnlab train` command again: the new code becomes a new trial",
        )
