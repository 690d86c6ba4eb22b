"""Which current runs a query is about: all, those of some studies, or some runs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement

from nnlab.store.constructs import ids_to_json, in_ids_parameter
from nnlab.store.tables import run, trial


@dataclass(frozen=True, slots=True)
class QueryScope:
    """The conditions of a query, without values: equal scopes share one compiled statement."""

    by_study: bool
    by_run: bool

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        """The conditions on `trial.study_id` and `run.id`; the query must have these tables."""
        conditions = []
        if self.by_study:
            conditions.append(in_ids_parameter(trial.c.study_id, "study_ids"))
        if self.by_run:
            conditions.append(in_ids_parameter(run.c.id, "run_ids"))
        return conditions


def scope_of(
    study_ids: Iterable[int] | None, run_ids: Iterable[int] | None
) -> tuple[QueryScope, Mapping[str, Any]]:
    """The scope of runs of some studies and among some runs (None: all), and what it binds."""
    values = {}
    if study_ids is not None:
        values["study_ids"] = ids_to_json(study_ids)
    if run_ids is not None:
        values["run_ids"] = ids_to_json(run_ids)
    return QueryScope(study_ids is not None, run_ids is not None), values
