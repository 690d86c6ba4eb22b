"""Arms that a study left out, for example because the machine lacks their device; for verdicts."""

from dataclasses import replace

from nnlab.records import Study


def without_left_out_arms(study: Study) -> Study:
    """The study without arms that have no trials, and without the comparisons that name them."""
    left_out = _left_out(study)
    if not left_out:
        return study
    return replace(
        study,
        arms=tuple(arm for arm in study.arms if arm.trials),
        comparisons=tuple(each for each in study.comparisons if left_out.isdisjoint(each.arms)),
    )


def arm_notes(study: Study) -> tuple[str, ...]:
    """How the trials of arms were chosen, or why an arm was left out and what is not evaluated."""
    left_out = _left_out(study)
    notes = [f"{arm.name}: {arm.note}" for arm in study.arms if arm.note]
    notes += [
        f"not evaluated, because an arm was left out: {comparison.says}"
        for comparison in study.comparisons
        if not left_out.isdisjoint(comparison.arms)
    ]
    return tuple(notes)


def _left_out(study: Study) -> frozenset[str]:
    return frozenset(arm.name for arm in study.arms if not arm.trials)
