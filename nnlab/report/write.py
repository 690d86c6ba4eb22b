"""Writes reports and their figures into files; used by `nnlab report`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nnlab import store
from nnlab.analysis.scope import Scope
from nnlab.figures.draw.reader_options import ReaderOptions, use_reader_options
from nnlab.io.file_origin import check_replaceable
from nnlab.io.files import check_writable, write_atomic
from nnlab.records import Study
from nnlab.report.contents import Report, build_report
from nnlab.report.formats import ReportFormat
from nnlab.report.latex import report_as_latex
from nnlab.report.markdown import report_as_markdown
from nnlab.report.page import report_as_html
from nnlab.stats.uncertainty import DEFAULT_UNCERTAINTY, Uncertainty

# Series in one figure of curves.
_MAX_SERIES = 6


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """What was written.

    Attributes:
        sentence: the main result in one sentence.
        figures: paths of the figures beside the report.
        claim_study: name of the study whose claim the report answers, if it answers one.
    """

    sentence: str
    figures: tuple[Path, ...]
    claim_study: str | None


def write_report(
    db: store.Database,
    scope: Scope,
    path: Path,
    report_format: ReportFormat,
    *,
    force: bool,
    anonymous: bool = False,
    uncertainty: Uncertainty = DEFAULT_UNCERTAINTY,
    sample_noise: bool = False,
) -> WrittenReport:
    """Writes the report of a scope, and its figures beside it unless the report embeds them.

    Args:
        db: the database.
        scope: studies or runs.
        path: file of the report.
        report_format: format of the file.
        force: replace files that nnlab did not create.
        anonymous: omit hosts, commits, paths and the name of the database.
        uncertainty: the number after ± in tables, and the bands of the figures.
        sample_noise: add to the tables what the finite validation set leaves uncertain.

    Raises:
        OutputError: a file cannot be written, or exists and nnlab did not create it.
    """
    check_writable(path)
    check_replaceable([path], force=force)
    report = build_report(
        db, scope, anonymous=anonymous, uncertainty=uncertainty, sample_noise=sample_noise
    )
    study = report.studies[0] if report.verdicts and len(report.studies) == 1 else None
    figures: list[Path] = []
    if report_format is not ReportFormat.HTML:
        suffix = "pdf" if report_format is ReportFormat.LATEX else "png"
        with use_reader_options(ReaderOptions(uncertainty=uncertainty)):
            figures = _write_figures(
                db, report, study, path, suffix, force=force, anonymous=anonymous
            )
    text = _report_text(report, report_format, [figure.name for figure in figures])
    write_atomic(path, text.encode())
    return WrittenReport(report.sentence, tuple(figures), study.name if study else None)


def _report_text(report: Report, report_format: ReportFormat, figures: Sequence[str]) -> str:
    match report_format:
        case ReportFormat.HTML:
            return report_as_html(report)
        case ReportFormat.MARKDOWN:
            return report_as_markdown(report, list(figures))
        case ReportFormat.LATEX:
            return report_as_latex(report, list(figures))


def _write_figures(
    db: store.Database,
    report: Report,
    study: Study | None,
    path: Path,
    suffix: str,
    *,
    force: bool,
    anonymous: bool,
) -> list[Path]:
    """Writes the figures of the claim of a study, or the curves of each group of runs."""
    # matplotlib is not imported for reports in HTML, which contain their figures as SVG.
    from nnlab.figures.draw.save import save_figure
    from nnlab.figures.kinds.claim import claim_files, save_claim_figures
    from nnlab.figures.kinds.curves import draw_curves

    stem = path.with_suffix("")
    if study is not None:
        check_replaceable(claim_files(stem, suffix), force=force)
        return save_claim_figures(db, *report.verdicts[0], stem, suffix, anonymous=anonymous)
    groups = [group for group in report.groups if group.series]
    paths = [
        stem.with_name(f"{stem.name}-curves{'' if number == 1 else f'-{number}'}.{suffix}")
        for number in range(1, len(groups) + 1)
    ]
    check_replaceable(paths, force=force)
    for group, figure_path in zip(groups, paths, strict=True):
        figure = draw_curves(group.series[:_MAX_SERIES], loss=group.loss)
        save_figure(figure, figure_path, {"report": path.name})
    return paths
