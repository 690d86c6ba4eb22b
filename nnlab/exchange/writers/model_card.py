"""The writer of model cards: a README.md as the Hugging Face Hub shows it."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from nnlab.exchange.log_writer import ExportedRun
from nnlab.exchange.writers.card_results import TrialResult, card_metrics, trial_results
from nnlab.io.escaping import escape_markdown, escape_terminal
from nnlab.io.text import format_count
from nnlab.records import Environment, Finding, Scalar
from nnlab.settings.setting_differences import distinguishing_fields, format_value
from nnlab.version import nnlab_version

_NOT_IN_TYPES = re.compile(r"[^a-z0-9_]+")


class ModelCardWriter:
    """Writes Markdown with the metadata of the Hub: data, settings, results, findings, commands."""

    kind = "model-card"
    writes_folder = False

    def write(
        self,
        runs: Sequence[ExportedRun],
        output: Path,
        destination: Path,  # noqa: ARG002  the file does not contain its location
    ) -> None:
        """Writes the card of all runs, the best trial by the objective first."""
        text = "\n".join(_card(runs)) + "\n"
        output.write_text(text, encoding="utf-8", errors="replace")


def _card(runs: Sequence[ExportedRun]) -> Iterator[str]:
    results = trial_results(runs)
    yield from _metadata(runs, results)
    yield f"# {escape_markdown(_title(runs))}"
    yield ""
    yield f"{_overview(runs, results)}"
    yield from _data(runs)
    yield from _settings(results)
    yield from _results(runs, results)
    yield from _final_values(runs)
    yield from _findings(runs)
    yield from _environment(runs)
    yield from _commands(runs)
    yield ""
    yield f"Made by nnlab {escape_markdown(nnlab_version())}."


def _title(runs: Sequence[ExportedRun]) -> str:
    return (runs[0].run.name if len(runs) == 1 else None) or runs[0].study


def _metadata(runs: Sequence[ExportedRun], results: Sequence[TrialResult]) -> Iterator[str]:
    """The metadata in YAML; all texts are quoted as in JSON, which YAML contains."""
    best = results[0]
    data = _data_name(runs[0])
    yield "---"
    yield "library_name: nnlab"
    yield f"tags: {json.dumps(['nnlab', *sorted({t for run in runs for t in run.run.tags})])}"
    metrics = [metric for metric in card_metrics(runs) if best.values.get(metric)]
    if metrics:
        yield "model-index:"
        yield f"- name: {json.dumps(_title(runs))}"
        yield "  results:"
        yield '  - task: {"type": "other"}'
        yield f"    dataset: {json.dumps({'name': data, 'type': _type_name(data)})}"
        yield "    metrics:"
        for metric in metrics:
            yield f"    - type: {json.dumps(_type_name(metric.rpartition('/')[2]))}"
            yield f"      name: {json.dumps(metric)}"
            yield f"      value: {_yaml_number(best.mean(metric))}"
    yield "---"
    yield ""


def _yaml_number(number: float) -> str:
    """A number with all digits; YAML takes `1e-07` without a point for a text.

    >>> _yaml_number(1e-7), _yaml_number(0.5)
    ('1.0e-07', '0.5')
    """
    mantissa, exponent, power = repr(number).partition("e")
    return f"{mantissa}.0{exponent}{power}" if exponent and "." not in mantissa else repr(number)


def _type_name(name: str) -> str:
    """The name of a metric or data set as the Hub accepts it in metadata.

    >>> _type_name("csv:My table.csv#kind")
    'csv_my_table_csv_kind'
    """
    return _NOT_IN_TYPES.sub("_", name.lower()).strip("_") or "unknown"


def _data_name(run: ExportedRun) -> str:
    data = run.run.trial.setting.get("data")
    return data if isinstance(data, str) and data else run.study


def _overview(runs: Sequence[ExportedRun], results: Sequence[TrialResult]) -> str:
    statuses = Counter(str(run.run.status) for run in runs)
    counts = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
    objective = runs[0].objective
    goal = ""
    if objective is not None:
        comparative = "lower" if objective.direction == "min" else "higher"
        goal = f" The objective is {escape_markdown(objective.metric)}; {comparative} is better."
    trials = format_count(len(results), "trial")
    return f"{format_count(len(runs), 'run')} of {trials}: {counts}.{goal}"


def _data(runs: Sequence[ExportedRun]) -> Iterator[str]:
    names = sorted({str(run.run.trial.setting.get("data") or "") for run in runs} - {""})
    fingerprints = sorted({run.run.data_fingerprint for run in runs if run.run.data_fingerprint})
    yield from ("", "## Data", "")
    yield ", ".join(map(escape_markdown, names)) or "The runs do not say which data they use."
    if fingerprints:
        yield ""
        yield f"Fingerprint: {', '.join(map(escape_markdown, fingerprints))}"


def _settings(results: Sequence[TrialResult]) -> Iterator[str]:
    """The settings that all trials share."""
    settings = [result.setting for result in results]
    common = {
        name: value
        for name, value in settings[0].items()
        if value is not None and all(other.get(name) == value for other in settings[1:])
    }
    title = "Setting" if len(results) == 1 else "Setting of all trials"
    yield from ("", f"## {title}", "")
    if not common:
        yield "None."
        return
    yield from ("| setting | value |", "| --- | --- |")
    for name, value in common.items():
        yield f"| {escape_markdown(name)} | {escape_markdown(format_value(value))} |"


def _results(runs: Sequence[ExportedRun], results: Sequence[TrialResult]) -> Iterator[str]:
    metrics = card_metrics(runs)
    yield from ("", "## Results", "")
    if not metrics:
        yield "No metric was recorded."
        return
    fields = distinguishing_fields([result.setting for result in results])
    several = any(len(result.runs) > 1 for result in results)
    spread = "mean ± 95 % CI over seeds" if several else "one seed each"
    yield f"Values at the selected epoch of each run: {spread}."
    yield ""
    header = [*fields, "seeds", *metrics]
    yield "| " + " | ".join(map(escape_markdown, header)) + " |"
    yield "|" + " --- |" * len(fields) + " ---: |" * (1 + len(metrics))
    for result in results:
        cells = [escape_markdown(format_value(result.setting.get(field))) for field in fields]
        cells += [_seeds(result), *(result.text(metric) for metric in metrics)]
        yield "| " + " | ".join(cells) + " |"


def _seeds(result: TrialResult) -> str:
    return ", ".join(
        "unknown" if run.run.seed is None else str(run.run.seed) for run in result.runs
    )


def _final_values(runs: Sequence[ExportedRun]) -> Iterator[str]:
    """The values that the programs of the runs have set at their end."""
    rows: list[tuple[int, str, Scalar]] = [
        (run.run.id, name, value) for run in runs for name, value in run.details.results.items()
    ]
    if rows:
        yield from ("", "## Final values", "", "| run | name | value |", "| ---: | --- | --- |")
        for run_id, name, value in rows:
            yield f"| {run_id} | {escape_markdown(name)} | {escape_markdown(format_value(value))} |"


def _findings(runs: Sequence[ExportedRun]) -> Iterator[str]:
    """What the rules reported: each finding with its number of runs and its surest case."""
    cases: dict[str, list[tuple[ExportedRun, Finding]]] = {}
    for run in runs:
        for finding in run.findings:
            cases.setdefault(finding.code, []).append((run, finding))
    yield from ("", "## Findings", "")
    if not cases:
        yield f"No rule reported a fault in {format_count(len(runs), 'run')}."
    for code, of_code in sorted(cases.items()):
        run, surest = max(of_code, key=lambda case: case[1].confidence)
        yield (
            f"- **{escape_markdown(code)} {escape_markdown(surest.name)}** in {len(of_code)} of"
            f" {format_count(len(runs), 'run')}. Run {run.run.id}:"
            f" {escape_markdown(surest.message)}. What to try: {escape_markdown(surest.remedy)}"
        )


def _environment(runs: Sequence[ExportedRun]) -> Iterator[str]:
    environments: list[Environment] = []
    for run in runs:
        for attempt in run.attempts:
            if attempt.environment is not None and attempt.environment not in environments:
                environments.append(attempt.environment)
    yield from ("", "## Environment", "")
    if not environments:
        yield "Not recorded."
    for environment in environments:
        commit = ""
        if environment.git_commit:
            changes = " with changes" if environment.git_dirty else ""
            commit = f", commit {environment.git_commit}{changes}"
        text = (
            f"{environment.device} on {environment.platform}, Python {environment.python},"
            f" torch {environment.torch}, nnlab {environment.nnlab}{commit}"
        )
        yield f"- {escape_markdown(text)}"


def _commands(runs: Sequence[ExportedRun]) -> Iterator[str]:
    commands = dict.fromkeys(a.command for run in runs for a in run.attempts if a.command)
    yield from ("", "## How to reproduce", "")
    if not commands:
        yield "The command is not recorded."
        return
    # A line feed would end the code block's line and a fence in a command the block itself.
    lines = [escape_terminal(command.replace("\n", "\\n")) for command in commands]
    yield from (f"    {line}" for line in lines)
