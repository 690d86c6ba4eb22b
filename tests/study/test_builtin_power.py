"""Every built-in study can find an effect of the size that the literature reports."""

import tomllib
from collections.abc import Iterator

from nnlab.analysis.deciding_seeds import planned_power, planned_seeds
from nnlab.records import Comparison
from nnlab.settings.space import parse_seeds
from nnlab.stats.claim_power import SUFFICIENT_POWER
from nnlab.study.builtin import builtin_study_names, builtin_study_path
from nnlab.study.comparisons import parse_comparisons
from nnlab.study.published import parse_pilot, parse_published


def content_of(name: str) -> dict[str, object]:
    return tomllib.loads(builtin_study_path(name).read_text(encoding="utf-8"))


def deciding(name: str) -> tuple[Comparison, ...]:
    content = tomllib.loads(builtin_study_path(name).read_text(encoding="utf-8"))
    problems: list[str] = []
    arms = [arm["name"] for arm in content["arm"]]
    comparisons = parse_comparisons(content["decide"], arms, problems)
    assert problems == []
    return comparisons


def test_every_comparison_that_decides_has_sufficient_power() -> None:
    lines = [line for name in builtin_study_names() for line in _power_problems(name)]
    assert lines == []


def _power_problems(name: str) -> Iterator[str]:
    seeds = parse_seeds(content_of(name)["seeds"])
    for comparison in deciding(name):
        power = planned_power(comparison, len(seeds))
        title = f"{name}: {comparison.says}"
        if power is None:
            yield f"{title}: expected, expected_from or pilot_sd is missing"
        elif power < SUFFICIENT_POWER:
            needed = planned_seeds(comparison)
            yield f"{title}: power {power:.2f} with {len(seeds)} seeds; {needed} are needed"


def test_the_seeds_of_the_verdict_are_not_those_of_the_pilot() -> None:
    for name in builtin_study_names():
        content = tomllib.loads(builtin_study_path(name).read_text(encoding="utf-8"))
        problems: list[str] = []
        pilot = parse_pilot(content["pilot"], problems)
        published = parse_published(content.get("published", ()), problems)
        assert problems == [], name
        assert pilot is not None, name
        assert not set(pilot.seeds) & set(parse_seeds(content["seeds"])), name
        assert pilot.notes, name
        assert published, name
