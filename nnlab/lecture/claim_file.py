"""The question, claim, comparisons and published results in the file of a built-in study."""

import tomllib
from dataclasses import dataclass
from functools import cache

from nnlab.records import Comparison
from nnlab.study.builtin import builtin_study_path
from nnlab.study.comparisons import parse_comparisons


@dataclass(frozen=True, slots=True)
class LiteratureResult:
    """What a publication reports about a claim, and the verdict that follows from it."""

    result: str
    source: str
    url: str
    verdict: str


@dataclass(frozen=True, slots=True)
class ClaimFile:
    """What the file of a built-in study says about its claim."""

    question: str
    claim: str
    comparisons: tuple[Comparison, ...]
    published: tuple[LiteratureResult, ...]


@cache
def read_claim_file(study: str) -> ClaimFile:
    """The claim of a built-in study, from its file.

    Raises:
        UnknownName: no built-in study has that name.
    """
    table = tomllib.loads(builtin_study_path(study).read_text(encoding="utf-8"))
    problems: list[str] = []
    arms = [str(arm["name"]) for arm in table["arm"]]
    return ClaimFile(
        question=table["question"],
        claim=table["claim"],
        comparisons=parse_comparisons(table["decide"], arms, problems),
        published=tuple(
            LiteratureResult(row["result"], row["source"], row.get("url", ""), row["verdict"])
            for row in table.get("published", ())
        ),
    )
