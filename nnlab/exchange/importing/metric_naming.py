"""The names under which the metrics of one logged run are stored."""

from collections.abc import Mapping

from nnlab.metric_names import normalize_name, usual_name


class MetricNaming:
    """Maps the names in a log to nnlab's usual names.

    If two metrics of a run have the same usual name, the one whose own name is closer to it gets
    it, and the other keeps its own name. As that may be known only later, `renamed` collects the
    metrics that were stored under another name before: (old name, new name).
    """

    def __init__(
        self,
        stored: Mapping[str, str],
        chosen: Mapping[str, str],
        *,
        keep_names: bool,
    ) -> None:
        """Starts with the names that earlier imports of the run have given.

        Args:
            stored: the name in the log of each stored metric.
            chosen: the names that the user gives, by the name in the log.
            keep_names: whether all other metrics keep their names.
        """
        self._chosen, self._keep_names = chosen, keep_names
        self.logged_names = dict(stored)
        self._names = {logged: name for name, logged in stored.items()}
        self.renamed: list[tuple[str, str]] = []

    @property
    def names(self) -> dict[str, str]:
        """The stored name of each metric of the log so far."""
        return self._names

    def add(self, logged: str) -> str:
        """The name to store for a metric of the log."""
        name = self._names.get(logged)
        if name is None:
            name = self._choose(logged)
            self._names[logged] = name
            self.logged_names[name] = logged
        return name

    def _choose(self, logged: str) -> str:
        name = self._chosen.get(logged)
        if name is None:
            name = _storable(logged if self._keep_names else usual_name(logged))
        holder = self.logged_names.get(name)
        if holder is None:
            return name
        if self._distance(logged, name) >= self._distance(holder, name):
            return self._unique(_storable(logged))
        del self.logged_names[name]
        own_name = self._unique(_storable(holder), reserved=name)
        self.renamed.append((name, own_name))
        self._names[holder] = own_name
        self.logged_names[own_name] = holder
        return name

    def _distance(self, logged: str, name: str) -> int:
        """How far the name in the log is from the stored one; the user's choice comes first."""
        if self._chosen.get(logged) == name:
            return 0
        if logged == name:
            return 1
        words = normalize_name(logged).split("_"), normalize_name(name).split("_")
        return 2 + (sorted(words[0]) != sorted(words[1]))

    def _unique(self, name: str, reserved: str | None = None) -> str:
        candidate, number = name, 1
        while candidate in self.logged_names or candidate == reserved:
            number += 1
            candidate = f"{name} ({number})"
        return candidate


def _storable(name: str) -> str:
    """A name that the database can store: not empty, and valid Unicode."""
    return name.encode("utf-8", "replace").decode("utf-8") or "?"
