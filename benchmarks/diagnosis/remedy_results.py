"""Results of `nnlab remedy` for the faults of the unseen half: which remedy helps, if any."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from diagnosis import faulty_data
from diagnosis.corpus import specimens
from diagnosis.specimen import Specimen

from nnlab import store
from nnlab.analysis.remedies import (
    RemedyOutcome,
    evaluate_remedies,
    remedy_run_specs,
    remedy_settings,
)
from nnlab.cli.train.train.progress import QuietView
from nnlab.diagnosis import diagnose, group_symptoms
from nnlab.diagnosis.remedies import remedies_for
from nnlab.engine.data import dataset_facts
from nnlab.objective import Objective, Setting
from nnlab.records import Arm, Study
from nnlab.settings import RunConfig, digest_of, resolve, setting_of
from nnlab.workers.planner import BatchPlanner
from nnlab.workers.run_queue import run_queue
from nnlab.workers.save_policy import SavePolicy
from nnlab.workers.worker_context import WorkerContext

SEEDS = 8
DATA = ("circles", "iris", "breast-cancer")
# A softmax in a user's model cannot be corrected by a setting.
NOT_CORRECTABLE = ("second softmax",)


@dataclass(frozen=True, slots=True)
class RemedyBenchmark:
    """The result for one fault.

    `code` is the first finding, `remedy` the most effective significant remedy (empty if there is
    none), `still` the number of its runs that still have the finding.
    """

    fault: str
    data: str
    code: str
    proposed: int
    remedy: str
    effect: float
    still: int


def remedy_benchmarks(path: Path) -> list[RemedyBenchmark]:
    """The results from a file; computes them and writes the file if it does not exist."""
    if not path.exists():
        results = [_evaluate(specimen) for specimen in _faults()]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            json.dumps([asdict(result) for result in results], indent=1), encoding="utf-8"
        )
    return [RemedyBenchmark(**record) for record in json.loads(path.read_text(encoding="utf-8"))]


def _faults() -> list[Specimen]:
    """The first seed of every fault that a setting can correct."""
    chosen: dict[tuple[str, str], Specimen] = {}
    for specimen in specimens():
        data = str(specimen.setting["data"])
        has_data = data in DATA or data.startswith("raw/")
        is_correctable = specimen.name not in NOT_CORRECTABLE
        if specimen.half == "unseen" and specimen.truth and has_data and is_correctable:
            chosen.setdefault((specimen.name, data.split("/")[0]), specimen)
    return list(chosen.values())


def _evaluate(specimen: Specimen) -> RemedyBenchmark:
    with TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        os.environ["XDG_CACHE_HOME"] = name
        setting = dict(specimen.setting)
        data = str(setting["data"])
        if "/" in data:
            setting["data"] = faulty_data.write_dataset(data, folder)
        config = resolve(
            RunConfig(**setting, device="cpu", threads=1), dataset_facts(str(setting["data"]))
        )
        control = setting_of(config)
        db = store.open_database(str(folder / "runs.db"), write=True, create=True)
        objective = Objective.parse(str(config.objective))
        first = _train_study(db, "first", {"control": control}, [specimen.seed], objective)
        run = store.runs(db, study=first.id)[0]
        findings = diagnose(store.history(db, run.id), control)
        code = group_symptoms(findings)[0].finding.code if findings else ""
        settings = remedy_settings(control, remedies_for(findings, control))
        study = _train_study(db, "remedies", settings, range(SEEDS), objective)
        results = evaluate_remedies(db, study, objective, code)
        best = next((result for result in results if result.outcome is RemedyOutcome.HELPED), None)
        db.close()
    benchmark = RemedyBenchmark(
        specimen.name,
        data.split("/")[0],
        code,
        len(settings) - 1,
        best.name if best else "",
        best.effect if best else 0.0,
        best.still if best else 0,
    )
    print(benchmark, file=sys.stderr, flush=True)
    return benchmark


def _train_study(
    db: store.Database,
    name: str,
    settings: Mapping[str, Setting],
    seeds: Sequence[int],
    objective: Objective,
) -> Study:
    arms = [Arm(arm, (digest_of(setting),)) for arm, setting in settings.items()]
    study = store.create_study(
        db, name=name, question="", objective=objective, space=None, seeds=(), arms=arms
    )
    run_ids = store.enqueue(db, study, remedy_run_specs(settings.values(), seeds)).run_ids
    save_policy = SavePolicy(models=False)
    run_queue(
        WorkerContext(db, QuietView(str), lambda: False, save_policy),
        run_ids,
        planner=BatchPlanner("auto"),
    )
    return study
