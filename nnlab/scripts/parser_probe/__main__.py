"""Entry point: makes this folder a package of a name that no script imports, and runs the probe."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

PACKAGE_NAME = "_nnlab_parser_probe"


def main() -> None:
    """Runs the probe with the arguments SCRIPT and DESCRIPTOR."""
    if sys.version_info < (3, 9):  # noqa: UP036 - the interpreter of the script
        sys.exit("flags are read with Python 3.9 or newer, and the script has an older one")
    folder = Path(__file__).resolve().parent
    spec = importlib.util.spec_from_file_location(
        PACKAGE_NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        sys.exit("the parser probe of nnlab is not installed completely")
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE_NAME] = package
    spec.loader.exec_module(package)
    runner = importlib.import_module(f"{PACKAGE_NAME}.runner")
    runner.run_script(sys.argv[1], int(sys.argv[2]))


if __name__ == "__main__":
    main()
