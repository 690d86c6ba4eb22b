"""What `nnlab gate` prints: pairs of runs, the verdict, and what a dry run would compare."""

import math
from typing import Any

from nnlab import store
from nnlab.analysis.gate import GatePair, interval_text
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, print_json, render, say
from nnlab.io.text import format_count
from nnlab.records import LedgerEntry
from nnlab.stats.rounding import describe_p
from nnlab.study.gate import GateAnswer, GateOptions, GatePlan
from nnlab.study.gate_candidate import GateCandidate
from nnlab.study.gate_values import answer_values, plan_values

ANSWER_COLUMNS = (
    TableColumn("verdict", "verdict"),
    TableColumn("change", "change"),
    TableColumn("effect", "effect", align_right=True),
    TableColumn("low", "low", align_right=True),
    TableColumn("high", "high", align_right=True),
    TableColumn("p", "p", align_right=True),
    TableColumn("level", "level", align_right=True),
    TableColumn("seeds_used", "seeds", align_right=True),
    TableColumn("expected_seeds_left", "expected left", align_right=True),
    TableColumn("reason", "reason"),
)


def print_pair(pair: GatePair, entry: LedgerEntry) -> None:
    """Prints the values of a pair, their difference, and the state of the test."""
    say(
        f"seed {pair.seed}: candidate {pair.candidate:.5g}, baseline {pair.baseline:.5g},"
        f" {_improvement(pair.difference)}; {_test_text(entry)}"
    )


def print_answer(db: store.Database, answer: GateAnswer, output_format: Format) -> None:
    """Prints the verdict on a candidate."""
    if output_format is Format.JSON:
        print_json(answer_values(db, answer))
    elif output_format is Format.TABLE:
        _print_sentences(db, answer)
    else:
        render([_answer_row(db, answer)], ANSWER_COLUMNS, output_format)


def _answer_row(db: store.Database, answer: GateAnswer) -> dict[str, Any]:
    values = answer_values(db, answer)
    low, high = values["interval"]
    return {**values, "low": low, "high": high}


def _print_sentences(db: store.Database, answer: GateAnswer) -> None:
    entry = answer.entry
    values = answer_values(db, answer)
    if entry.verdict == "baseline":
        say(f"baseline: {answer.change} (trial {answer.candidate.id})", style="bold")
        say("the next candidates of this study are compared with it")
        return
    say(f"{entry.verdict}: {answer.change}", style="bold")
    if entry.effect is not None:
        say(f"{_effect_text(entry)}; {_test_text(entry)}")
    say(entry.reason)
    if answer.from_ledger:
        say(f"from the ledger, entry {entry.id}: this candidate was tested before")
    if entry.verdict == "keep":
        _print_new_baseline(answer)
    elif entry.verdict == "not yet":
        if entry.expected_left is not None and entry.expected_left > 0:
            seeds = format_count(math.ceil(entry.expected_left), "further seed")
            say(f"about {seeds} would decide it")
        if len(entry.seeds) == entry.max_seeds:
            say(f"the same command with --max-seeds {2 * entry.max_seeds} goes on")
    say(f"next: {values['commands']['ledger']}", style="dim")


def _print_new_baseline(answer: GateAnswer) -> None:
    if answer.best_trial == answer.candidate.id:
        say("it is the baseline of the next candidates")
    else:
        say(
            f"it was compared with trial {answer.entry.baseline_trial}, and the best one so far is"
            f" trial {answer.best_trial}: the same command without --against compares the two"
        )


def _effect_text(entry: LedgerEntry) -> str:
    metric = entry.objective.metric
    effect = 0.0 if entry.effect is None else entry.effect
    interval = interval_text(entry.low, entry.high)
    return (
        f"{metric} {_improvement(effect)} on average over"
        f" {format_count(len(entry.seeds), 'seed')}{f' ({interval})' if interval else ''}"
    )


def _improvement(difference: float) -> str:
    if difference == 0:
        return "equal"
    return f"{'better' if difference > 0 else 'worse'} by {abs(difference):.3g}"


def _test_text(entry: LedgerEntry) -> str:
    if entry.p is None or entry.level is None:
        return "not tested"
    return f"{describe_p(entry.p)}, level {entry.level:.2g}"


def print_plan(
    plan: GatePlan | None,
    candidate: GateCandidate,
    options: GateOptions,
    output_format: Format,
) -> None:
    """Prints what a gate would do.

    Args:
        plan: what the candidate is compared with; None if there is no baseline yet.
        candidate: the candidate.
        options: how it would be tested.
        output_format: how it is printed.
    """
    if output_format is not Format.TABLE:
        values = plan_values(plan, candidate, options)
        columns = tuple(TableColumn(key, key) for key in values)
        if output_format is Format.JSON:
            print_json(values)
        else:
            render([values], columns, output_format)
        return
    objective = candidate.objective
    if plan is None:
        say(f"study '{candidate.study}' has no baseline by {objective.metric} yet:")
        say("this candidate would be trained and become the baseline", style="bold")
    elif plan.entry is not None:
        say(f"{plan.entry.verdict}: {plan.change}", style="bold")
        say(f"the answer is in the ledger, entry {plan.entry.id}")
    elif plan.is_baseline:
        say(f"this candidate, {plan.change}, is the best trial of the study so far:")
        say("it would become the baseline", style="bold")
    else:
        say(f"against trial {plan.baseline.id}: {plan.change}", style="bold")
        say(
            f"by {objective}, at most {format_count(options.max_seeds, 'pair')} of runs;"
            f" {format_count(plan.baseline_runs, 'run')} of the baseline and {plan.candidate_runs}"
            " of the candidate have a result"
        )
    say("dry run: nothing was trained or written", style="dim")
