"""A study's report in markdown: what was asked, what was found, what was run."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote

import nnlab
from nnlab import store
from nnlab.escaping import escaped
from nnlab.records import Attempt, Finding, Run, Status
from nnlab.report.ranking import Ranking, last_runs, plural, rank
from nnlab.report.scope import Scope
from nnlab.space import label, shown
from nnlab.stats import format_mean

# A ranking longer than this belongs into `nnlab compare --top 0`, not onto a page.
_MOST_ROWS = 50


def report(db: store.Database, scope: Scope, figures: Sequence[str] = ()) -> str:
    """The whole text; every name in it is escaped. `figures` are files beside it."""
    runs = last_runs(db, scope)
    ranking = rank(db, scope, top=_MOST_ROWS) if any(run.epochs for run in runs) else None
    parts = [
        _head(db, scope),
        *_verdicts(db, scope),
        *(f"![{escaped(figure)}]({quote(figure)})\n" for figure in figures),
        _findings(db, runs),
        _ranking(ranking) if ranking else "## Ranking\n\nNothing has been trained yet.\n",
        _what_was_run(db, runs),
    ]
    return "\n".join(parts)


def _head(db: store.Database, scope: Scope) -> str:
    studies = {study.id: study for study in store.all_studies(db)}
    lines = [f"# {escaped(scope.title)}", ""]
    for study_id in scope.studies or ():
        study = studies[study_id]
        lines.append(f"**Question:** {escaped(study.question) or 'none was written down'}")
        if study.objective:
            word = "lower" if study.objective.direction == "min" else "higher"
            lines.append(f"\n**Objective:** {study.objective.metric}, {word} is better")
        if study.sampler:
            lines.append(f"\n**Trials:** chosen by {escaped(str(study.sampler))}")
        if study.space:
            lines += ["", "| choice | values |", "| --- | --- |"]
            lines += [
                f"| {escaped(name)} | {escaped(', '.join(map(shown, values)))} |"
                for name, values in study.space.items()
            ]
        lines.append("")
    return "\n".join(lines)


def _verdicts(db: store.Database, scope: Scope) -> list[str]:
    studies = [study for study in store.all_studies(db) if study.id in (scope.studies or ())]
    claims = [study for study in studies if study.decides]
    if not claims:
        return []
    from nnlab.experiments.verdict import answer
    from nnlab.report.verdict import verdict_section

    answers = [(study, answer(db, study)) for study in claims]
    return [verdict_section(study, found) for study, found in answers if found is not None]


def _findings(db: store.Database, runs: Sequence[Run]) -> str:
    found = store.findings(db, [run.id for run in runs])
    by_run = {run.id: run for run in runs}
    lines = ["## Findings", ""]
    total = sum(len(findings) for findings in found.values())
    if not total:
        return "\n".join([*lines, f"No rule found a fault in {plural(len(runs), 'run')}.", ""])
    names: dict[str, list[tuple[Run, Finding]]] = {}
    for run_id, findings in found.items():
        for finding in findings:
            names.setdefault(finding.code, []).append((by_run[run_id], finding))
    # NN101, overfitting, has the lowest code of them all: it comes first.
    for code, cases in sorted(names.items()):
        finding = cases[0][1]
        lines += [
            f"### {code} {escaped(finding.name)}: {len(cases)} of {plural(len(runs), 'run')}",
            "",
            "| run | seed | from epoch | confidence | evidence |",
            "| ---: | ---: | ---: | ---: | --- |",
        ]
        lines += [
            f"| {run.id} | {run.seed} | {case.onset or ''} | {case.confidence:.2f} |"
            f" {escaped(case.message)} |"
            for run, case in cases
        ]
        lines += ["", f"What to try: {escaped(finding.remedy)}", ""]
    return "\n".join(lines)


def _ranking(ranking: Ranking) -> str:
    word = "lower" if ranking.objective.direction == "min" else "higher"
    fields = ranking.fields
    lines = [
        "## Ranking",
        "",
        f"By {ranking.objective.metric} at each run's {ranking.at} epoch; {word} is better;"
        " mean ± standard deviation over seeds.",
        "",
        "| # | "
        + " | ".join([*map(escaped, fields), "n", ranking.objective.metric, "epoch"])
        + " | flags |",
        "| ---: | " + " | ".join(["---"] * len(fields) + ["---:"] * 3) + " | --- |",
    ]
    for row in ranking.rows:
        cells = [escaped(shown(row.setting.get(field))) for field in fields]
        flags = ", ".join(f"{code} {count}/{len(row.runs)}" for code, count in row.flags.items())
        cells += [
            str(row.value.n),
            format_mean(row.value.mean, row.value.sd),
            "" if row.epoch is None else f"{row.epoch:g}",
            flags,
        ]
        lines.append(f"| {row.rank} | " + " | ".join(cells) + " |")
    lines.append("")
    lines += [f"- {note}" for note in ranking.notes]
    if ranking.total > len(ranking.rows):
        lines.append(f"- {ranking.total - len(ranking.rows):,} more trials are not shown")
    return "\n".join([*lines, ""])


def _what_was_run(db: store.Database, runs: Sequence[Run]) -> str:
    statuses = Counter(run.status for run in runs)
    told = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
    seconds = sum(run.device_seconds or 0.0 for run in runs)
    lines = [
        "## What was run",
        "",
        f"{plural(len(runs), 'run')}: {told or 'none'}; {seconds:.1f} s on the device.",
        "",
    ]
    failed = [run for run in runs if run.status in (Status.FAILED, Status.DIVERGED)]
    lines += [
        f"- run {run.id} {run.status}: {escaped(run.reason or '')}"
        f" ({escaped(label(run.trial.setting, ('opt', 'lr')))}, seed {run.seed})"
        for run in failed
    ]
    attempts = store.attempts_of(db, [run.id for run in runs])
    lines += ["", *_machines(attempts), *_commands(attempts)]
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    lines += [
        "",
        f"Made by nnlab {nnlab.__version__} from {escaped(db.address.shown)}, {made}.",
        "",
    ]
    return "\n".join(lines)


def _machines(attempts: Sequence[Attempt]) -> list[str]:
    found = dict.fromkeys(
        f"- {escaped(e.hostname)}: {escaped(e.device)}, nnlab {e.nnlab}, torch {e.torch},"
        f" Python {e.python}"
        + (
            f", commit {e.git_commit[:12]}{' with changes' if e.git_dirty else ''}"
            if e.git_commit
            else ""
        )
        for attempt in attempts
        if (e := attempt.environment) is not None
    )
    return ["Where:", "", *found, ""] if found else []


def _commands(attempts: Sequence[Attempt]) -> list[str]:
    found = dict.fromkeys(attempt.command for attempt in attempts)
    return ["Commands:", "", *(f"    {command}" for command in found)] if found else []
