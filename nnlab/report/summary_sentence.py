"""The sentence at the top of a report: its verdicts, or the best trial of each group."""

import math
from collections.abc import Sequence

from nnlab.analysis.ranking_numbers import written_values
from nnlab.analysis.records import Ranking
from nnlab.analysis.significance import too_few_seeds
from nnlab.analysis.verdict import StudyVerdict
from nnlab.figures.trials import trial_title
from nnlab.io.text import format_count
from nnlab.records import Study
from nnlab.report.ledger_table import LedgerSummary
from nnlab.stats.uncertainty import uncertainty_name

# Groups whose best trial is named.
_MAX_SENTENCES = 3


def summary_sentence(
    verdicts: Sequence[tuple[Study, StudyVerdict]],
    rankings: Sequence[Ranking],
    ledgers: Sequence[LedgerSummary] = (),
) -> str:
    """The result of a report in one sentence.

    Args:
        verdicts: the studies with a claim.
        rankings: one for each group of comparable trials.
        ledgers: those of `nnlab gate`, if every study of the report has one. The trial with the
            best mean of few seeds may be one that the gate discarded, so it is not named.
    """
    if verdicts:
        return "; ".join(
            f"{str(study_verdict.verdict).capitalize()}: {study.claim.rstrip('.') or study.name}"
            for study, study_verdict in verdicts
        )
    if ledgers:
        return ". ".join(_ledger_sentence(ledger, named=len(ledgers) > 1) for ledger in ledgers)
    if not rankings:
        return "nothing has been trained yet"
    if len(rankings) == 1:
        return _best_trial_sentence(rankings[0])
    parts = [
        # A single trial in a group already has the name of the group.
        _best_trial_sentence(ranking)
        if ranking.total == 1
        else f"{ranking.heading}: {_best_trial_sentence(ranking)}"
        for ranking in rankings[:_MAX_SENTENCES]
    ]
    if len(rankings) > _MAX_SENTENCES:
        parts.append(f"{format_count(len(rankings) - _MAX_SENTENCES, 'more group')} below")
    return ". ".join(parts)


def _ledger_sentence(ledger: LedgerSummary, *, named: bool) -> str:
    """What the gate decided, and which candidate is the best so far."""
    sentence = ledger.sentence.rstrip(".")
    best = next((line for line in ledger.lines if line.is_best), None)
    if best is not None:
        sentence += f"; the best so far is #{best.entry} ({best.candidate})"
    return f"{ledger.study}: {sentence}" if named else sentence


def _best_trial_sentence(ranking: Ranking) -> str:
    """Which trial of a ranking is best, and whether it is significantly better than the others."""
    best = ranking.rows[0]
    metric = ranking.objective.metric
    if not math.isfinite(best.value.mean):
        return f"no trial has a finite {metric}"
    if best.all_diverged:
        return "every run diverged"
    value_text = written_values(ranking)[0].text
    seeds = format_count(best.value.n, "seed")
    if best.value.n > 1:
        seeds = f"mean ± {uncertainty_name(ranking.uncertainty)} of {seeds}"
    name = trial_title(best, ranking)
    if ranking.total == 1:
        return f"{name} reaches {metric} {value_text} ({seeds})"
    ties = sum(row.tier == 1 for row in ranking.rows[1:])
    lead = f"{name} is best of {ranking.total}: {metric} {value_text} ({seeds})"
    if best.tier is None:
        seed_note = too_few_seeds(ranking.rows)
        return f"{lead}; {seed_note or 'with one seed each, a small lead may be chance'}"
    if ties:
        others = "another trial" if ties == 1 else f"{ties} others"
        return f"{lead}, but not significantly different from {others}"
    if any(row.tier is None for row in ranking.rows):
        return f"{lead}, and significantly better than every trial with enough seeds to test"
    return f"{lead}, and significantly better than every other trial"
