"""The logged runs that the database knows, by their ids and by where their logs are."""

import os
from collections.abc import Iterable
from pathlib import Path

from nnlab.exchange.log_reader import LoggedRun
from nnlab.records import Source


class KnownSources:
    """The sources of one kind of log."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._by_id: dict[str, Source] = {}
        self._by_location: dict[str, Source] = {}
        for source in sources:
            self.add(source)

    def add(self, source: Source) -> None:
        """Adds a source, or replaces it by its newer state."""
        self._by_id[source.external_id] = source
        if _is_path_id(source.external_id, source.location):
            self._by_location[source.location] = source

    def get(self, external_id: str) -> Source | None:
        """The source with an id; None if there is none."""
        return self._by_id.get(external_id)

    def find(self, logged: LoggedRun) -> Source | None:
        """The source of a logged run; None if the database does not know the run.

        Of ids that are made of paths, the place comes first: the id depends on which folder is
        searched, and another run may have the same one.
        """
        location = location_of(logged)
        if _is_path_id(logged.external_id, location) and location in self._by_location:
            return self._by_location[location]
        return self._by_id.get(logged.external_id)


def location_of(logged: LoggedRun) -> str:
    """Where the log of a run is: the absolute path of its first file or its folder."""
    return os.fsencode(logged.paths[0].absolute()).decode("utf-8", "replace")


def _is_path_id(external_id: str, location: str) -> bool:
    """Whether an id is the last part of the path of the log, or of its folder."""
    return any(
        place.endswith(f"/{external_id}") or external_id.endswith(f" in {place}")
        for place in (location, *map(str, list(Path(location).parents)[:2]))
    )


def may_be_another_run(source: Source, logged: LoggedRun) -> bool:
    """Whether a log elsewhere may have the same id as that of a source by chance.

    Ids that are made of paths begin with the folder that was searched, and two searched folders may
    have the same name. If the log of the source is gone, it was moved to where it is now.
    """
    known, new = Path(source.location), Path(location_of(logged))
    if known == new or not known.exists():
        return False
    common = os.path.commonpath([known, new])
    # Equal ids have a folder and a file name in common at least.
    return len(known.relative_to(common).parts) > 2
