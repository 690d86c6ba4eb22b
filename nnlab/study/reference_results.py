"""The results of the built-in studies on the machine of the documentation, which nnlab contains.

`docs/build_studies.py` trains the studies and writes the file; `nnlab lecture` and `nnlab studies
--builtin` show the results beside those of the user's own database.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_FILE = Path(__file__).resolve().parents[1] / "studies" / "reference_results.json"


@dataclass(frozen=True, slots=True)
class ReferenceComparison:
    """The result of a comparison: its mean with a 95 % interval over `n` seeds, and its verdict.

    A number is None if it is infinite or undefined.
    """

    says: str
    found: float | None
    low: float | None
    high: float | None
    n: int
    verdict: str
    decides: bool = True


@dataclass(frozen=True, slots=True)
class ReferenceResult:
    """The result of a built-in study: its verdict, its seeds, what it cost, its comparisons."""

    trained_on: str
    verdict: str
    seeds: int
    runs: int
    seconds: float
    comparisons: tuple[ReferenceComparison, ...]


def reference_results(path: Path = _FILE) -> Mapping[str, ReferenceResult]:
    """The reference results by the name of the study; empty if they were not computed."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {name: _parse(content["trained_on"], row) for name, row in content["studies"].items()}


def _parse(trained_on: str, row: Mapping[str, Any]) -> ReferenceResult:
    comparisons = tuple(ReferenceComparison(**comparison) for comparison in row["comparisons"])
    return ReferenceResult(**{**row, "trained_on": trained_on, "comparisons": comparisons})


def reference_results_text(trained_on: str, results: Mapping[str, ReferenceResult]) -> str:
    """The content of the file, as JSON with a line per study and comparison."""
    studies = {name: _row(result) for name, result in sorted(results.items())}
    return json.dumps({"trained_on": trained_on, "studies": studies}, indent=1) + "\n"


def _row(result: ReferenceResult) -> Mapping[str, Any]:
    return {key: value for key, value in asdict(result).items() if key != "trained_on"}
