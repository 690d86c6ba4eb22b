"""The question, claim, comparisons and published results in the file of a built-in study."""

import tomllib
from dataclasses import dataclass
from functools import cache

from nnlab.records import Comparison, PublishedResult
from nnlab.study.builtin import builtin_study_path
from nnlab.study.comparisons import parse_comparisons
from nnlab.study.published import parse_published


@dataclass(frozen=True, slots=True)
class ClaimFile:
    """What the file of a built-in study says about its claim."""

    question: str
    claim: str
    comparisons: tuple[Comparison, ...]
    published: tuple[PublishedResult, ...]


@cache
def read_claim_file(study: str) -> ClaimFile:
    """The claim of a built-in study, from its file.

    Raises:
        UnknownName: no built-in study has that name.
    """
    table = tomllib.loads(builtin_study_path(study).read_text(encoding="utf-8"))
    arms = [str(arm["name"]) for arm in table["arm"]]
    # The files of the package have no problems: a test sets up every study.
    problems: list[str] = []
    return ClaimFile(
        question=table["question"],
        claim=table["claim"],
        comparisons=(
            *parse_comparisons(table["decide"], arms, problems),
            *parse_comparisons(table.get("subclaim", ()), arms, problems, decides=False),
        ),
        published=parse_published(table.get("published", ()), problems),
    )
