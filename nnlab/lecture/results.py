"""The results of the studies behind lines: of the user's database, else the reference results."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from nnlab import store
from nnlab.analysis.claim_text import describe_claim
from nnlab.analysis.verdict import ComparisonResult, StudyVerdict, evaluate_claim
from nnlab.lecture.claim_file import read_claim_file
from nnlab.lecture.line import LectureLine
from nnlab.records import Comparison, Study
from nnlab.report.verdict_text import build_verdict_text, format_found
from nnlab.study.reference_results import ReferenceResult, reference_results


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A comparison: what is claimed, the mean with its 95 % interval over n seeds, the verdict.

    `comparison` is None if the study no longer has the comparison.
    """

    says: str
    comparison: Comparison | None
    mean: float
    low: float
    high: float
    n: int
    verdict: str

    @property
    def title(self) -> str:
        """What the comparison says, marked if it does not decide the claim."""
        decides = self.comparison is None or self.comparison.decides
        return self.says if decides else f"sub-claim: {self.says}"

    @property
    def claimed(self) -> str:
        """The quantity and the region that is claimed for it."""
        return "" if self.comparison is None else describe_claim(self.comparison)

    @property
    def value_text(self) -> str:
        """The mean and its interval."""
        return format_found(self.mean, self.low, self.high)


@dataclass(frozen=True, slots=True)
class OwnStudy:
    """A study of the user's database with its verdict."""

    study: Study
    verdict: StudyVerdict


@dataclass(frozen=True, slots=True)
class LineResult:
    """The result of the study of a line.

    `own` is the study in the user's database; None for a reference result. `trained_on` describes
    the machine of a reference result. `notes` are sentences by their heading: what would decide a
    claim, the power that was planned, means, tuning, fairness and the pilot.
    """

    verdict: str
    seeds: int
    rows: tuple[ResultRow, ...]
    own: OwnStudy | None = None
    trained_on: str = ""
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_reference(self) -> bool:
        """Whether the result comes with nnlab instead of the user's database."""
        return self.own is None

    @property
    def summary(self) -> str:
        """The verdict and its origin in a few words."""
        origin = "reference result" if self.is_reference else f"here, {self.seeds} seeds"
        return f"{self.verdict} ({origin})"


def line_result(db: store.Database | None, line: LectureLine) -> LineResult | None:
    """The result of a line: of the database if all runs have ended, else the reference result.

    None for a line without a study, and for one whose study has no result.
    """
    if line.study is None:
        return None
    own = None if db is None else _own_result(db, line.study)
    return own or _reference_result(line.study)


def _stored_study(db: store.Database, name: str) -> Study | None:
    return next((study for study in store.all_studies(db) if study.name == name), None)


def _own_result(db: store.Database, name: str) -> LineResult | None:
    study = _stored_study(db, name)
    if study is None or not store.runs(db, study=study.id, limit=1):
        return None
    verdict = evaluate_claim(db, study)
    if verdict is None or verdict.unfinished:
        return None
    rows = tuple(map(_own_row, verdict.results))
    return LineResult(
        str(verdict.verdict),
        len(study.seeds),
        rows,
        OwnStudy(study, verdict),
        notes=build_verdict_text(study, verdict).lists,
    )


def _own_row(result: ComparisonResult) -> ResultRow:
    test = result.test
    return ResultRow(
        result.comparison.says,
        result.comparison,
        test.mean,
        test.low,
        test.high,
        test.n,
        str(test.verdict),
    )


@cache
def _references() -> Mapping[str, ReferenceResult]:
    return reference_results()


def _reference_result(study: str) -> LineResult | None:
    reference = _references().get(study)
    if reference is None:
        return None
    comparisons = {c.says: c for c in read_claim_file(study).comparisons}
    rows = tuple(
        ResultRow(
            says=row.says,
            comparison=comparisons.get(row.says),
            mean=_number(row.found),
            low=_number(row.low),
            high=_number(row.high),
            n=row.n,
            verdict=row.verdict,
        )
        for row in reference.comparisons
    )
    return LineResult(reference.verdict, reference.seeds, rows, trained_on=reference.trained_on)


def reference_seconds(study: str) -> float | None:
    """How long the reference result of a study took to train; None if it is not known."""
    reference = _references().get(study)
    return None if reference is None else reference.seconds


def _number(value: float | None) -> float:
    return math.nan if value is None else value
