"""A report in markdown: what was asked, what was found, what was run."""

import math
from collections.abc import Sequence
from urllib.parse import quote

import nnlab
from nnlab.analysis.ranking import Ranking, plural
from nnlab.config.space import label, shown
from nnlab.figures.draw.names import setting_name
from nnlab.io.escaping import escaped, terminal
from nnlab.report.contents import RankedGroup, Report, energy
from nnlab.report.verdict import verdict_section
from nnlab.stats import format_duration, format_mean


def as_markdown(report: Report, figures: Sequence[str] = ()) -> str:
    """The whole text; every name in it is escaped. `figures` are files beside it."""
    parts = [
        _head(report),
        *_overfitting(report),
        *(verdict_section(study, answered) for study, answered in report.verdicts),
        *(f"![{escaped(figure)}]({quote(figure)})\n" for figure in figures),
        _findings(report),
        *(_ranking(group.ranking) for group in report.groups),
        *([] if report.groups else ["## Ranking\n\nNothing has been trained yet.\n"]),
        *(part for group in report.groups for part in _effects(group)),
        *_remedies(report),
        _what_was_run(report),
    ]
    return "\n".join(parts)


def _head(report: Report) -> str:
    lines = [f"# {escaped(report.title)}", "", f"**{escaped(report.sentence)}**", ""]
    for study in report.studies:
        lines.append(f"**Question:** {escaped(study.question) or 'none was written down'}")
        if study.objective:
            word = "lower" if study.objective.direction == "min" else "higher"
            lines.append(f"\n**Objective:** {escaped(study.objective.metric)}, {word} is better")
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


def _overfitting(report: Report) -> list[str]:
    """What a reader must not miss."""
    return [
        f"> **{title} in {case.count} of {plural(len(report.runs), 'run')}.** The surest case,"
        f" run {case.run.id}: {escaped(case.finding.message)}.\n"
        for title, case in report.headline_cases
    ]


def _findings(report: Report) -> str:
    lines = ["## Findings", ""]
    if not report.findings:
        return "\n".join(
            [*lines, f"No rule found a fault in {plural(len(report.runs), 'run')}.", ""]
        )
    for one in report.findings:
        lines += [
            f"### {escaped(one.code)} {escaped(one.name)}: {len(one.cases)} of"
            f" {plural(len(report.runs), 'run')}",
            "",
            "| run | seed | from epoch | confidence | evidence |",
            "| ---: | ---: | ---: | ---: | --- |",
        ]
        lines += [
            f"| {run.id} | {run.seed} | {case.onset or ''} | {case.confidence:.2f} |"
            f" {escaped(case.message)} |"
            for run, case in one.cases
        ]
        lines += ["", f"What to try: {escaped(one.remedy)}", ""]
    return "\n".join(lines)


def _effects(group: RankedGroup) -> list[str]:
    if group.effects is None:
        return []
    lines = [
        f"## Which choices matter{_of(group.ranking)}",
        "",
        f"By {group.effects.method}.",
        "",
        "| choice | share of variance | 90 % interval |",
        "| --- | ---: | ---: |",
    ]
    lines += [
        f"| {escaped(' and '.join(map(setting_name, share.fields)))} | {share.share:.1%} |"
        f" {'' if math.isnan(share.low) else f'{share.low:.1%} to {share.high:.1%}'} |"
        for share in group.effects.worth
    ]
    lines += ["", *(f"- {escaped(note)}" for note in group.effects.notes)]
    return ["\n".join([*lines, ""])]


def _of(ranking: Ranking) -> str:
    """What follows the title of a section of one group, where there are several."""
    return f": {escaped(ranking.heading)}" if ranking.heading else ""


def _remedies(report: Report) -> list[str]:
    parts = []
    for one in report.remedies:
        lines = [
            f"## Remedies for run {one.run}{', ' + escaped(one.code) if one.code else ''}",
            "",
            "| remedy | n | better by | 95 % interval | did it help |",
            "| --- | ---: | ---: | ---: | --- |",
        ]
        lines += [
            f"| {escaped(tried.title)} | {tried.n} | {tried.effect:.3g} |"
            f" {tried.low:.3g} to {tried.high:.3g} | {escaped(tried.outcome)} |"
            for tried in one.tried
        ]
        parts.append("\n".join([*lines, ""]))
    return parts


def _ranking(ranking: Ranking) -> str:
    word = "lower" if ranking.objective.direction == "min" else "higher"
    fields = ranking.fields
    lines = [
        f"## Ranking{_of(ranking)}",
        "",
        f"By {escaped(ranking.objective.metric)} at each run's {ranking.at} epoch;"
        f" {word} is better; mean ± standard deviation over seeds.",
        "",
        "| # | "
        + " | ".join([*map(escaped, fields), "n", escaped(ranking.objective.metric), "epoch"])
        + " | flags |",
        "| ---: | " + " | ".join(["---"] * len(fields) + ["---:"] * 3) + " | --- |",
    ]
    for row in ranking.rows:
        cells = [escaped(shown(row.setting.get(field))) for field in fields]
        flags = ", ".join(
            f"{escaped(code)} {count}/{len(row.runs)}" for code, count in row.flags.items()
        )
        if row.different_data:
            flags = ", ".join(filter(None, [flags, "data differs!"]))
        cells += [
            str(row.value.n),
            format_mean(row.value.mean, row.value.sd),
            "" if row.epoch is None else f"{row.epoch:g}",
            flags,
        ]
        lines.append(f"| {row.rank} | " + " | ".join(cells) + " |")
    lines.append("")
    lines += [f"- {escaped(note)}" for note in ranking.notes]
    if ranking.total > len(ranking.rows):
        lines.append(f"- {ranking.total - len(ranking.rows):,} more trials are not shown")
    return "\n".join([*lines, ""])


def _what_was_run(report: Report) -> str:
    told = ", ".join(f"{count} {status}" for status, count in sorted(report.statuses.items()))
    hours = report.device_hours.items()
    seconds = ", ".join(escaped(f"{format_duration(3600 * h)} on {device}") for device, h in hours)
    lines = [
        "## What was run",
        "",
        f"{plural(len(report.runs), 'run')}: {told or 'none'}; {seconds or 'no time measured'}"
        f"{'' if report.joules is None else f'; at most {energy(report.joules)}'}.",
        "",
    ]
    lines += [
        f"- run {run.id} {run.status}: {escaped(run.reason or '')}"
        f" ({escaped(label(run.trial.setting, ('opt', 'lr')))}, seed {run.seed})"
        for run in report.failed
    ]
    lines += ["", *_machines(report), *_commands(report)]
    lines += [
        "",
        f"Made by nnlab {nnlab.__version__} from {escaped(report.database)},"
        f" {escaped(report.made)}.",
        "",
    ]
    return "\n".join(lines)


def _machines(report: Report) -> list[str]:
    found = [
        f"- {escaped(e.hostname)}: {escaped(e.device)}, nnlab {escaped(e.nnlab)},"
        f" torch {escaped(e.torch)}, Python {escaped(e.python)}"
        + (
            f", commit {escaped(e.git_commit[:12])}{' with changes' if e.git_dirty else ''}"
            if e.git_commit
            else ""
        )
        for e in report.environments
    ]
    return ["Where:", "", *found, ""] if found else []


def _commands(report: Report) -> list[str]:
    return (
        ["Commands:", "", *(f"    {_one_line(command)}" for command in report.commands)]
        if report.commands
        else []
    )


def _one_line(command: str) -> str:
    """A command as a line of code: a line feed would end the block, and what follows be markup."""
    return terminal(command.replace("\n", "\\n"))
