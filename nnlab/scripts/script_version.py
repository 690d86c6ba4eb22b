"""The version of a script: its content, that of the local files it imports, and the git commit."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from nnlab.engine.local_imports import find_local_imports
from nnlab.errors import UserCodeError
from nnlab.io.files import sha256_of
from nnlab.provenance.git_state import git_state


@dataclass(frozen=True, slots=True)
class ScriptVersion:
    """The version of a script's code.

    Attributes:
        digest: SHA-256 over the relative paths and contents of the script and of the local files
            that it imports, as 64 hex digits.
        files: these files, the script first.
        git_commit: the commit of the checkout that contains the script; None without a checkout.
        git_dirty: whether tracked files differ from the commit; None if git does not say.
    """

    digest: str
    files: tuple[Path, ...]
    git_commit: str | None = None
    git_dirty: bool | None = None


def script_version(script: Path) -> ScriptVersion:
    """The version of a script; files that it opens and installed packages are not included.

    Raises:
        UserCodeError: the script cannot be read.
    """
    path = script.resolve()
    files = (path, *find_local_imports(path, path.parent))
    digest = hashlib.sha256()
    for file in files:
        try:
            content = sha256_of(file)
        except OSError as error:
            raise UserCodeError(f"cannot read '{file}': {error.strerror or error}") from error
        digest.update(f"{file.relative_to(path.parent).as_posix()}\0{content}\n".encode())
    git = git_state(path.parent)
    if git is None:
        return ScriptVersion(digest.hexdigest(), files)
    return ScriptVersion(digest.hexdigest(), files, git.commit, git.dirty)
