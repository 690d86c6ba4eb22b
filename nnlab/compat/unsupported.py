"""Stands for what nnlab does not have of another tracker: it does nothing and says so once."""

import math
from collections.abc import Callable, Iterator
from typing import Any

from nnlab.tracking.notes import note_once

AUTOLOG_REMARK = "does nothing: log in the loop, or use a logger or callback of nnlab.integrations"


class Unsupported:
    """Stands for a function, class, module or value that nnlab does not have.

    It can be called, used as a context manager, a decorator, a base class or a container, and has
    every attribute; all of that does nothing.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "_name":  # `_name` is missing in a copy in the making
            raise AttributeError(name)
        if name.endswith(("Error", "Exception")):
            return exception_class(f"{self._name}.{name}")
        return Unsupported(f"{self._name}.{name}")

    def __setattr__(self, name: str, value: object) -> None:
        if name == "_name":
            object.__setattr__(self, name, value)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Itself, or the function that it decorates."""
        # `@mlflow.trace` above a function must leave the function as it is.
        if len(arguments) == 1 and not keywords and callable(arguments[0]):
            return arguments[0]
        return self

    def __enter__(self) -> "Unsupported":
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[type, ...]:
        return ()

    def __instancecheck__(self, instance: object) -> bool:
        return False

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return False

    def __contains__(self, item: object) -> bool:
        return False

    def __getitem__(self, key: object) -> "Unsupported":
        return self

    def __setitem__(self, key: object, value: object) -> None:
        return None

    def __float__(self) -> float:
        return math.nan

    def __int__(self) -> int:
        return 0

    def _operate(self, *others: object) -> "Unsupported":
        return self

    def _compare(self, other: object) -> bool:
        return False

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _operate
    __truediv__ = __rtruediv__ = __neg__ = __pow__ = __or__ = _operate
    __lt__ = __le__ = __gt__ = __ge__ = _compare

    def __repr__(self) -> str:
        return f"<{self._name}: not available in nnlab>"


def exception_class(name: str) -> type[Exception]:
    """A class that an `except` clause may name; nothing raises it.

    >>> exception_class("mlflow.exceptions.MlflowException").__name__
    'MlflowException'
    """
    return type(name.rsplit(".", 1)[-1], (Exception,), {"__doc__": f"Stands for {name}."})


def unsupported_attributes(
    module: str, remarks: dict[str, str] | None = None
) -> Callable[[str], Any]:
    """The `__getattr__` of a module or class that stands for one of another tracker.

    Args:
        module: the name in that tracker, such as `wandb`.
        remarks: what to say about some attributes, instead of that they do nothing.
    """

    def unsupported_attribute(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        full_name = f"{module}.{name}"
        if name.endswith(("Error", "Exception")):
            return exception_class(full_name)
        remark = (remarks or {}).get(name, "is not available in nnlab, and does nothing")
        note_once(f"{full_name} {remark}")
        return Unsupported(full_name)

    return unsupported_attribute
