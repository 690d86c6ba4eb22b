"""`run.config` and `run.summary`: mappings whose values are also attributes."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from nnlab.tracking.config_values import config_mapping, plain_value


class AttributeMapping(MutableMapping[str, Any]):
    """A mapping whose items are also attributes; `on_change` is called after each change."""

    def __init__(self, values: Mapping[str, Any], on_change: Callable[[], None]) -> None:
        object.__setattr__(self, "_values", dict(values))
        object.__setattr__(self, "_on_change", on_change)

    _values: dict[str, Any]
    _on_change: Callable[[], None]

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._values[name] = plain_value(value, name)
        self._on_change()

    def __delitem__(self, name: str) -> None:
        del self._values[name]
        self._on_change()

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"there is no {name!r}; there are {list(self)}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __repr__(self) -> str:
        return repr(self._values)

    def as_dict(self) -> dict[str, Any]:
        """A copy of all values."""
        return dict(self._values)


class TrackedConfig(AttributeMapping):
    """The config of a run; a change of it changes the stored setting of the run."""

    def update(
        self, other: Any = (), /, allow_val_change: bool | None = None, **values: Any
    ) -> None:
        """Adds the values of a mapping, a dataclass or a namespace.

        Args:
            other: the config.
            allow_val_change: accepted for scripts written for W&B; values may always change.
            **values: more values.
        """
        del allow_val_change
        new = config_mapping(other) if other != () else {}
        self._values.update(new | config_mapping(values))
        self._on_change()

    def setdefaults(self, values: Any) -> None:
        """Adds the values whose names are not in the config yet."""
        self._values.update(
            {name: v for name, v in config_mapping(values).items() if name not in self._values}
        )
        self._on_change()


class TrackedSummary(AttributeMapping):
    """The final values of a run. A name that was not set has the last logged value."""

    def __init__(
        self, on_change: Callable[[], None], logged: Callable[[], Mapping[str, Any]]
    ) -> None:
        super().__init__({}, on_change)
        object.__setattr__(self, "_logged", logged)

    _logged: Callable[[], Mapping[str, Any]]

    def __getitem__(self, name: str) -> Any:
        return self._values[name] if name in self._values else self._logged()[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._logged(), **self._values})

    def __len__(self) -> int:
        return len({**self._logged(), **self._values})

    def __repr__(self) -> str:
        return repr({**self._logged(), **self._values})

    def as_dict(self) -> dict[str, Any]:
        """A copy of all values."""
        return {**self._logged(), **self._values}

    @property
    def own_values(self) -> dict[str, Any]:
        """The values that were set."""
        return dict(self._values)
