"""Rankings for the API: the options of `nnlab compare` as keywords, and its result as tables."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Literal, TypeVar

from nnlab import store
from nnlab.analysis.ranking import rank_each_group
from nnlab.analysis.ranking_options import parse_epoch_choice, parse_field_names
from nnlab.analysis.records import EpochChoice, RankingRequest
from nnlab.analysis.scope import Scope
from nnlab.api.argument_checks import check_arguments
from nnlab.api.ranking_table import RankingTable
from nnlab.errors import UnknownName
from nnlab.stats.comparison import PairedTest
from nnlab.stats.intervals import IntervalMethod

IntervalName = Literal["t", "bootstrap", "bca"]
PairedTestName = Literal["t", "sign-flip"]

_Choice = TypeVar("_Choice", bound=StrEnum)


def ranking_request(
    *,
    by: str | None = None,
    at: EpochChoice = "best",
    top: int | None = None,
    group_by: str | Sequence[str] = (),
    interval: IntervalName = "t",
    test: PairedTestName = "t",
    mixed: bool = False,
) -> RankingRequest:
    """The request of a ranking; the arguments are those of `Results.compare`.

    Raises:
        UsageError: a value is not valid.
    """
    check_arguments(
        counts={"top": top},
        texts={"by": by, "interval": interval, "test": test},
        name_lists={"group_by": group_by},
        switches={"mixed": mixed},
    )
    fields = group_by if isinstance(group_by, str) else ",".join(group_by)
    return RankingRequest(
        by=by,
        at=parse_epoch_choice(str(at)),
        top=top,
        group_by=parse_field_names(fields),
        interval=_parse_choice(IntervalMethod, "interval", interval),
        test=_parse_choice(PairedTest, "test", test),
        mixed=mixed,
    )


def compare_scope(db: store.Database, scope: Scope, request: RankingRequest) -> RankingTable:
    """The ranking of the newest group of comparable runs, with those of the other groups.

    Raises:
        UnknownName: no run has the metric, or no trial the field.
    """
    first, *others = rank_each_group(db, scope, request)
    return RankingTable(first, [RankingTable(ranking) for ranking in others])


def _parse_choice(choices: type[_Choice], option: str, value: str) -> _Choice:
    try:
        return choices(value)
    except ValueError:
        raise UnknownName(option, value, [str(choice) for choice in choices]) from None
