"""Conditions that filter runs, and their form in SQL."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Float,
    Text,
    and_,
    cast,
    false,
    func,
    literal,
    not_,
    or_,
    select,
)

from nnlab.records import Status
from nnlab.store.constructs import is_valid_json, json_elements, json_number, json_text
from nnlab.store.tables import finding, metric, run, study, summary, trial

Operator = Literal["=", "!=", "<", "<=", ">", ">="]
SummaryValue = Literal["best", "last"]


@dataclass(frozen=True, slots=True)
class SettingCondition:
    """A field of the setting compared with a number, or with a text in which * is any text."""

    field: str
    operator: Operator
    value: float | str


@dataclass(frozen=True, slots=True)
class MetricCondition:
    """The best or the last value of a metric compared with a number."""

    metric: str
    kind: SummaryValue
    operator: Operator
    value: float


@dataclass(frozen=True, slots=True)
class WordCondition:
    """A property of the run, such as its status or a tag, or a finding by its code."""

    property: Literal["status", "study", "tag", "origin", "name", "run", "trial", "seed", "finding"]
    value: str


@dataclass(frozen=True, slots=True)
class TextCondition:
    """A text that the name of the run or of its study, or its setting contains."""

    text: str


@dataclass(frozen=True, slots=True)
class NotCondition:
    """The runs that a condition excludes."""

    condition: "RunCondition"


RunCondition = SettingCondition | MetricCondition | WordCondition | TextCondition | NotCondition


def filter_clause(
    conditions: Sequence[RunCondition], lost: Collection[int]
) -> list[ColumnElement[bool]]:
    """The conditions in SQL; the query must have the tables `run`, `trial` and `study`.

    Args:
        conditions: all must be met.
        lost: running runs whose worker is gone, which count as interrupted.
    """
    return [_clause(condition, lost) for condition in conditions]


def _clause(condition: RunCondition, lost: Collection[int]) -> ColumnElement[bool]:
    match condition:
        case NotCondition(inner):
            return not_(func.coalesce(_clause(inner, lost), false()))
        case TextCondition(text):
            return or_(*(_contains(c, text) for c in (study.c.name, run.c.name, trial.c.setting)))
        case SettingCondition():
            return _setting_clause(condition)
        case MetricCondition():
            return _metric_clause(condition)
        case WordCondition(property="status", value=value):
            return _status_clause(value, lost)
        case WordCondition():
            return _word_clause(condition)


def _setting_clause(condition: SettingCondition) -> ColumnElement[bool]:
    text = json_text(trial.c.setting, condition.field)
    if isinstance(condition.value, float):
        number = json_number(trial.c.setting, condition.field)
        compared = _compare(number, condition.operator, condition.value)
        is_other = text.is_not(None) if condition.operator == "!=" else false()
        return func.coalesce(compared, is_other)
    matches = _matches(text, condition.value)
    # A run without the field has no other value of it either.
    return matches if condition.operator == "=" else and_(text.is_not(None), not_(matches))


def _metric_clause(condition: MetricCondition) -> ColumnElement[bool]:
    value = _compare(summary.c[condition.kind], condition.operator, condition.value)
    return (
        select(literal(1))
        .select_from(summary.join(metric, metric.c.id == summary.c.metric_id))
        .where(metric.c.name == condition.metric, summary.c.run_id == run.c.id, value)
        .correlate(run)
        .exists()
    )


def _status_clause(value: str, lost: Collection[int]) -> ColumnElement[bool]:
    is_lost = run.c.id.in_(list(lost)) if lost else false()
    if value == Status.RUNNING:
        return and_(run.c.status == value, not_(is_lost))
    if value == Status.INTERRUPTED:
        return or_(run.c.status == value, is_lost)
    return run.c.status == value


def _word_clause(condition: WordCondition) -> ColumnElement[bool]:
    value = condition.value
    match condition.property:
        case "tag":
            return has_tag(value)
        case "finding":
            return (
                select(literal(1))
                .where(finding.c.run_id == run.c.id, finding.c.code == value.upper())
                .correlate(run)
                .exists()
            )
        case "run":
            return run.c.id == int(value)
        case "trial":
            return trial.c.id == int(value)
        case "seed":
            return run.c.seed == int(value)
        case "origin":
            return run.c.origin == value
        case "study":
            return _matches(study.c.name, value)
        case _:
            return _matches(run.c.name, value)


def has_tag(value: str) -> ColumnElement[bool]:
    """Whether a run has a tag; one whose tags are damaged has none."""
    elements = json_elements(run.c.tags)
    query: Any = select(literal(1)).select_from(elements).where(elements.c.value == value)
    return and_(is_valid_json(run.c.tags), query.correlate(run).exists())


def _compare(column: ColumnElement[Any], operator: Operator, value: float) -> ColumnElement[bool]:
    bound = literal(value, Float())
    match operator:
        case "=":
            return column == bound
        case "!=":
            return column != bound
        case "<":
            return column < bound
        case "<=":
            return column <= bound
        case ">":
            return column > bound
        case ">=":
            return column >= bound


def _matches(text: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
    """Whether a text equals a pattern in which * is any text, in upper or lower case."""
    like = _escape(pattern.lower()).replace("*", "%")
    return func.coalesce(func.lower(cast(text, Text)).like(like, escape="\\"), false())


def _contains(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    like = f"%{_escape(text.lower())}%"
    return func.coalesce(func.lower(cast(column, Text)).like(like, escape="\\"), false())


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
