"""The live page of a database: `app` is the web application, `views` reads what it shows."""

import importlib
import sys
from types import ModuleType
from typing import Any


class _CallablePackage(ModuleType):
    """`nnlab.board(...)` is a function of the Python API with the name of this package.

    The import of the package replaces the function in `nnlab`, so the package calls it.
    """

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return importlib.import_module("nnlab.api.board").show_board(*arguments, **keywords)


sys.modules[__name__].__class__ = _CallablePackage
