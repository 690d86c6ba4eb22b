"""A report as Markdown: questions, verdicts, findings, rankings, effects, remedies, runs."""

import math
from collections.abc import Sequence
from urllib.parse import quote

from nnlab.analysis.ranking_numbers import (
    missing_value_word,
    unsuccessful_text,
    value_heading,
    written_values,
)
from nnlab.analysis.records import Ranking
from nnlab.analysis.remedy_numbers import (
    BEST_EPOCH_COLUMN,
    best_epoch_numbers,
    measure_sentence,
    remedy_numbers,
    remedy_titles,
)
from nnlab.figures.draw.display_names import setting_name
from nnlab.io.escaping import escape_markdown, escape_terminal
from nnlab.io.text import axis_word, format_count, format_seed, position_number
from nnlab.records import Finding, Run
from nnlab.report.contents import RankedGroup, Report, format_energy
from nnlab.report.verdict import verdict_section
from nnlab.settings.setting_differences import format_value, setting_label
from nnlab.stats import format_duration
from nnlab.stats.rounding import format_p
from nnlab.stats.uncertainty import uncertainty_name


def report_as_markdown(report: Report, figures: Sequence[str] = ()) -> str:
    """The Markdown text of a report, escaped; `figures` are names of files in the same folder."""
    parts = [
        _head(report),
        *_headline_findings(report),
        *(verdict_section(study, study_verdict) for study, study_verdict in report.verdicts),
        *(f"![{escape_markdown(figure)}]({quote(figure)})\n" for figure in figures),
        _findings(report),
        *(_ranking(group.ranking) for group in report.groups),
        *([] if report.groups else ["## Ranking\n\nNothing has been trained yet.\n"]),
        *(part for group in report.groups for part in _effects(group)),
        *_remedies(report),
        *_ledgers(report),
        _run_summary(report),
    ]
    return "\n".join(parts)


def _head(report: Report) -> str:
    lines = [
        f"# {escape_markdown(report.title)}",
        "",
        f"**{escape_markdown(report.sentence)}**",
        "",
    ]
    for study in report.studies:
        lines.append(f"**Question:** {escape_markdown(study.question) or 'not stated'}")
        if study.objective:
            comparative = "lower" if study.objective.direction == "min" else "higher"
            lines.append(
                f"\n**Objective:** {escape_markdown(study.objective.metric)},"
                f" {comparative} is better"
            )
        if study.sampler:
            lines.append(f"\n**Trials:** chosen by {escape_markdown(str(study.sampler))}")
        if study.space:
            lines += ["", "| setting | values |", "| --- | --- |"]
            lines += [
                f"| {escape_markdown(name)} |"
                f" {escape_markdown(', '.join(map(format_value, values)))} |"
                for name, values in study.space.items()
            ]
        lines.append("")
    return "\n".join(lines)


def _headline_findings(report: Report) -> list[str]:
    """The headline findings, as quotes."""
    return [
        f"> **{title} in {case.count} of {format_count(len(report.runs), 'run')}.** The surest"
        f" case, run {case.run.id}: {escape_markdown(case.finding.message)}.\n"
        for title, case in report.headline_cases
    ]


def _findings(report: Report) -> str:
    lines = ["## Findings", ""]
    if not report.findings:
        return "\n".join(
            [*lines, f"No rule reported a fault in {format_count(len(report.runs), 'run')}.", ""]
        )
    for summary in report.findings:
        lines += [
            f"### {escape_markdown(summary.code)} {escape_markdown(summary.name)}:"
            f" {len(summary.cases)} of {format_count(len(report.runs), 'run')}",
            "",
            f"| run | seed | from {axis_word({run.axis for run, _ in summary.cases})} |"
            " confidence | evidence |",
            "| ---: | ---: | ---: | ---: | --- |",
        ]
        lines += [
            f"| {run.id} | {format_seed(run.seed)} | {_onset(run, case)} | {case.confidence:.2f} |"
            f" {escape_markdown(case.message)} |"
            for run, case in summary.cases
        ]
        lines += ["", f"What to try: {escape_markdown(summary.remedy)}", ""]
    return "\n".join(lines)


def _effects(group: RankedGroup) -> list[str]:
    if group.effects is None:
        return []
    lines = [
        f"## Which choices matter{_heading_suffix(group.ranking)}",
        "",
        f"By {group.effects.method}.",
        "",
        "| setting | share of variance | 90 % interval |",
        "| --- | ---: | ---: |",
    ]
    lines += [
        f"| {escape_markdown(' and '.join(map(setting_name, share.fields)))} | {share.share:.1%} |"
        f" {'' if math.isnan(share.low) else f'{share.low:.1%} to {share.high:.1%}'} |"
        for share in group.effects.notable_shares
    ]
    lines += ["", *(f"- {escape_markdown(note)}" for note in group.effects.notes)]
    return ["\n".join([*lines, ""])]


def _heading_suffix(ranking: Ranking) -> str:
    """The suffix of a section title that names the group; empty if there is one group."""
    return f": {escape_markdown(ranking.heading)}" if ranking.heading else ""


def _remedies(report: Report) -> list[str]:
    parts = []
    for summary in report.remedies:
        code = f", {escape_markdown(summary.code)}" if summary.code else ""
        results = summary.results
        lines = [f"## Remedies for run {summary.run}{code}", ""]
        if results:
            sentence = escape_markdown(measure_sentence(summary.code, results))
            lines += [f"Judged by {sentence}. {BEST_EPOCH_COLUMN}", ""]
        lines += [
            "| remedy | n | better by | 95 % interval | did it help | best epoch |",
            "| --- | ---: | ---: | ---: | --- | ---: |",
        ]
        lines += [
            f"| {escape_markdown(title)} | {result.n} | {effect} |"
            f" {interval} | {escape_markdown(result.outcome)} | {at_best} |"
            for result, title, (effect, interval), at_best in zip(
                results,
                remedy_titles(results),
                remedy_numbers(results),
                best_epoch_numbers(results),
                strict=True,
            )
        ]
        parts.append("\n".join([*lines, ""]))
    return parts


def _ledgers(report: Report) -> list[str]:
    parts = []
    for summary in report.ledgers:
        lines = [
            f"## Tested candidates of {escape_markdown(summary.study)}",
            "",
            summary.sentence,
            "",
            "| # | candidate | seeds | better by | interval | p | verdict | reason |",
            "| ---: | --- | ---: | ---: | ---: | ---: | --- | --- |",
        ]
        lines += [
            f"| {line.entry} | {escape_markdown(line.candidate)} | {line.seeds} | {line.effect} |"
            f" {line.interval} | {'' if line.p is None else format_p(line.p)} |"
            f" {'**keep**' if line.is_kept else line.verdict}{', best' if line.is_best else ''} |"
            f" {escape_markdown(line.reason)} |"
            for line in summary.lines
        ]
        parts.append("\n".join([*lines, ""]))
    return parts


def _onset(run: Run, finding: Finding) -> str:
    return "" if not finding.onset else position_number(finding.onset, [run.axis])


def _ranking(ranking: Ranking) -> str:
    comparative = "lower" if ranking.objective.direction == "min" else "higher"
    fields, extra = ranking.fields, ranking.extra_columns
    lines = [
        f"## Ranking{_heading_suffix(ranking)}",
        "",
        f"By {escape_markdown(ranking.objective.metric)} at {ranking.values_at};"
        f" {comparative} is better; {_mean_over_seeds(ranking)}.",
        "",
        "| # | "
        + " | ".join(
            [
                *map(escape_markdown, fields),
                "n",
                escape_markdown(value_heading(ranking.objective.metric, ranking)),
                ranking.axis_word,
                *(escape_markdown(column.heading) for column in extra),
            ]
        )
        + " | flags |",
        "| ---: | " + " | ".join(["---"] * len(fields) + ["---:"] * (3 + len(extra))) + " | --- |",
    ]
    for index, (row, value) in enumerate(zip(ranking.rows, written_values(ranking), strict=True)):
        cells = [escape_markdown(format_value(row.labelled_setting.get(field))) for field in fields]
        flags = ", ".join(
            f"{escape_markdown(code)} {count}/{len(row.runs)}" for code, count in row.flags.items()
        )
        warning = "data differs!" if row.different_data else ""
        flags = ", ".join(filter(None, [flags, warning, unsuccessful_text(row)]))
        cells += [
            row.seeds_text,
            value.text,
            "" if row.epoch is None else position_number(row.epoch, [row.axis]),
            *(escape_markdown(column.texts[index]) for column in extra),
            flags,
        ]
        lines.append(f"| {row.rank} | " + " | ".join(cells) + " |")
    for trial in ranking.unranked:
        cells = [
            escape_markdown(format_value(trial.labelled_setting.get(field))) for field in fields
        ]
        cells += ["0", missing_value_word(trial.statuses), "", *([""] * len(extra)), ""]
        lines.append("|  | " + " | ".join(cells) + " |")
    lines.append("")
    lines += [f"- {escape_markdown(note)}" for note in ranking.notes]
    if ranking.total > len(ranking.rows):
        lines.append(f"- {ranking.total - len(ranking.rows):,} more trials are not shown")
    return "\n".join([*lines, ""])


def _mean_over_seeds(ranking: Ranking) -> str:
    """What the column of values contains, with the meaning of ±."""
    if not any(row.value.n > 1 for row in ranking.rows):
        return "one seed each"
    return f"mean ± {uncertainty_name(ranking.uncertainty)} over seeds"


def _run_summary(report: Report) -> str:
    statuses = ", ".join(f"{count} {status}" for status, count in sorted(report.statuses.items()))
    hours = report.device_hours.items()
    seconds = ", ".join(
        escape_markdown(f"{format_duration(3600 * h)} on {device}") for device, h in hours
    )
    lines = [
        "## What was run",
        "",
        f"{format_count(len(report.runs), 'run')}: {statuses or 'none'};"
        f" {seconds or 'no time measured'}"
        f"{'' if report.joules is None else f'; at most {format_energy(report.joules)}'}.",
        "",
    ]
    lines += [
        f"- run {run.id} {run.status}: {escape_markdown(run.reason or '')}"
        f" ({escape_markdown(setting_label(run.trial.setting, ('opt', 'lr')))},"
        f" seed {format_seed(run.seed)})"
        for run in report.failed
    ]
    lines += ["", *_machines(report), *_commands(report)]
    lines += [
        "",
        escape_markdown(report.source),
        "",
    ]
    return "\n".join(lines)


def _machines(report: Report) -> list[str]:
    machines = [
        f"- {_host(environment.hostname)}{escape_markdown(environment.device)},"
        f" nnlab {escape_markdown(environment.nnlab)},"
        f" torch {escape_markdown(environment.torch)}, Python {escape_markdown(environment.python)}"
        + (
            f", commit {escape_markdown(environment.git_commit[:12])}"
            f"{' with changes' if environment.git_dirty else ''}"
            if environment.git_commit
            else ""
        )
        for environment in report.environments
    ]
    return ["Where:", "", *machines, ""] if machines else []


def _host(hostname: str) -> str:
    return f"{escape_markdown(hostname)}: " if hostname else ""


def _commands(report: Report) -> list[str]:
    return (
        ["Commands:", "", *(f"    {_one_line(command)}" for command in report.commands)]
        if report.commands
        else []
    )


def _one_line(command: str) -> str:
    """A command on one line; after a line feed, the rest would be interpreted as Markdown."""
    return escape_terminal(command.replace("\n", "\\n"))
