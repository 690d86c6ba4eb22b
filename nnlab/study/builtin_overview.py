"""Overview of the built-in studies, read from their files; used by `nnlab studies --builtin`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nnlab.records import PublishedResult
from nnlab.settings.space import parse_seeds
from nnlab.study.builtin import builtin_study_names, builtin_study_path
from nnlab.study.published import parse_pilot, parse_published
from nnlab.study.reference_results import ReferenceResult, reference_results


@dataclass(frozen=True, slots=True)
class BuiltinStudyOverview:
    """A built-in study: its name, question and claim, and what is known about the claim.

    `arms`, `comparisons`, `subclaims` and `seeds` are numbers. `verdict_seeds` are the seeds that
    decide the claim, `pilot_seeds` those on which the study was designed. `published` are results
    of others, and `reference` is the result that nnlab contains; None if there is none.
    """

    study: str
    question: str
    claim: str
    arms: int
    comparisons: int
    subclaims: int
    seeds: int
    verdict_seeds: tuple[int, ...]
    pilot_seeds: tuple[int, ...]
    published: tuple[PublishedResult, ...]
    reference: ReferenceResult | None

    @property
    def published_verdicts(self) -> tuple[str, ...]:
        """The different verdicts of the published results."""
        return tuple(dict.fromkeys(result.verdict for result in self.published))


def builtin_study_overviews() -> tuple[BuiltinStudyOverview, ...]:
    """All built-in studies by name; no trials are expanded, so no data set is read."""
    references = reference_results()
    return tuple(
        _overview(name, _read_study(name), references.get(name)) for name in builtin_study_names()
    )


def _read_study(name: str) -> Mapping[str, Any]:
    return tomllib.loads(builtin_study_path(name).read_text(encoding="utf-8"))


def _overview(
    name: str, content: Mapping[str, Any], reference: ReferenceResult | None
) -> BuiltinStudyOverview:
    seeds = _seeds(content["seeds"])
    problems: list[str] = []
    pilot = parse_pilot(content.get("pilot"), problems)
    return BuiltinStudyOverview(
        study=name,
        question=content["question"],
        claim=content["claim"],
        arms=len(content["arm"]),
        comparisons=len(content["decide"]),
        subclaims=len(content.get("subclaim", ())),
        seeds=len(seeds),
        verdict_seeds=seeds,
        pilot_seeds=pilot.seeds if pilot else (),
        published=parse_published(content.get("published", ()), problems),
        reference=reference,
    )


def _seeds(seeds: object) -> tuple[int, ...]:
    """The seeds, from a number or a list of seeds."""
    return tuple(range(seeds)) if isinstance(seeds, int) else parse_seeds(seeds)
