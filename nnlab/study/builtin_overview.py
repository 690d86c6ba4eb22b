"""Overview of the built-in studies, read from their files; used by `nnlab studies --builtin`."""

import tomllib
from dataclasses import dataclass

from nnlab.settings.space import parse_seeds
from nnlab.study.builtin import builtin_study_names, builtin_study_path


@dataclass(frozen=True, slots=True)
class BuiltinStudyOverview:
    """A built-in study: its name, question and claim, and its numbers of arms and seeds."""

    study: str
    question: str
    claim: str
    arms: int
    seeds: int


def builtin_study_overviews() -> tuple[BuiltinStudyOverview, ...]:
    """All built-in studies by name; no trials are expanded, so no data set is read."""
    overviews = []
    for name in builtin_study_names():
        content = tomllib.loads(builtin_study_path(name).read_text(encoding="utf-8"))
        overviews.append(
            BuiltinStudyOverview(
                study=name,
                question=content["question"],
                claim=content["claim"],
                arms=len(content["arm"]),
                seeds=_seed_count(content["seeds"]),
            )
        )
    return tuple(overviews)


def _seed_count(seeds: object) -> int:
    """The number of seeds, from a number or a list of seeds."""
    return seeds if isinstance(seeds, int) else len(parse_seeds(seeds))
