"""A hash of the source of an imported package that is not a regular installation."""

import hashlib
import sys
from pathlib import Path

# Files of a package that are hashed; larger packages are identified by the files up to here.
_MAX_FILES = 2000


def hash_package_source(module_name: str, install_folder: Path) -> str:
    """8 hex digits of the SHA-256 of the Python files of the package that contains a module.

    The result is empty if the package lies in the folder of its metadata: the files of a regular
    installation belong to its version.

    Args:
        module_name: an imported module.
        install_folder: the folder that contains the metadata of its distribution.
    """
    top = sys.modules[module_name.partition(".")[0]]
    if getattr(top, "__file__", None) is None:
        return ""
    file = Path(str(top.__file__)).resolve()
    if file.is_relative_to(install_folder.resolve()):
        return ""
    folder = file.parent
    files = sorted(folder.rglob("*.py"))[:_MAX_FILES] if file.name == "__init__.py" else [file]
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(folder).as_posix().encode(errors="surrogateescape"))
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:8]
