"""Hashes of the files that a config names: user code and the split file."""

from collections.abc import Mapping

from nnlab.engine.metric_versions import metrics_version
from nnlab.engine.user_code import code_versions
from nnlab.settings import RunConfig


def file_versions(config: RunConfig) -> Mapping[str, str | None]:
    """The argument `versions` of `resolve`: a SHA-256 by field, None for a file not named.

    Raises:
        UserCodeError: a file of user code does not exist or is not valid Python.
        DataError: the split file cannot be read.
    """
    versions = dict(code_versions(config))
    if config.metrics is not None:
        versions["metrics_version"] = metrics_version(config.metrics)
    if config.split_file is not None:
        # numpy is imported only if there is a split file: `nnlab train` starts faster.
        from nnlab.engine.data.split_file import split_file_version

        versions["split_version"] = split_file_version(config.split_file)
    return versions
