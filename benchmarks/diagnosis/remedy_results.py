"""Results of `nnlab remedy` for faults whose correction is known: is a remedy proved to help?

python benchmarks/diagnosis/remedy_results.py [FILE] prints the table; results that FILE has already
are kept, so that an interrupted benchmark continues.
"""

import json
import math
import os
import statistics
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from diagnosis import faulty_data  # noqa: E402  this checkout, from any working folder

from nnlab import store  # noqa: E402
from nnlab.analysis.remedies import CONTROL_ARM, remedy_run_specs  # noqa: E402
from nnlab.analysis.remedy_results import (  # noqa: E402
    RemedyOutcome,
    RemedyResult,
    evaluate_remedies,
)
from nnlab.cli.train.train.progress import QuietView  # noqa: E402
from nnlab.engine.data import facts_of  # noqa: E402
from nnlab.engine.versions import file_versions  # noqa: E402
from nnlab.errors import UsageError  # noqa: E402
from nnlab.objective import Objective, Setting  # noqa: E402
from nnlab.records import Arm, Study  # noqa: E402
from nnlab.settings import build_config, digest_of, resolve, setting_of  # noqa: E402
from nnlab.study.remedy_study import judge_remedies, plan_remedies, queue_remedies  # noqa: E402
from nnlab.workers.planner import BatchPlanner  # noqa: E402
from nnlab.workers.run_queue import run_queue  # noqa: E402
from nnlab.workers.save_policy import SavePolicy  # noqa: E402
from nnlab.workers.worker_context import WorkerContext  # noqa: E402

SEEDS = 8
# A remedy is correct if it recovers this share of the gain of the known correction.
MIN_SHARE = 0.5
# Runs of a fault have something to gain if the correction improves them by so many sd.
MIN_GAIN = 1.0
# Larger gains, of seeds that hardly differ, are not written as numbers.
_MAX_GAIN = 99

MODEL_FILE = "net.py"
# A user's model with faults that its arguments can correct.
MODEL_CODE = """
from torch import nn

ACTIVATIONS = {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}


class Net(nn.Module):
    def __init__(
        self, in_features, out_shape, hidden: int = 32, depth: int = 2, dropout: float = 0.0,
        activation: str = "relu",
    ):
        super().__init__()
        layers, size = [nn.Flatten()], in_features
        for _ in range(depth):
            layers += [nn.Linear(size, hidden), ACTIVATIONS[activation](), nn.Dropout(dropout)]
            size = hidden
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(size, out_shape[0] if out_shape else 1)

    def forward(self, x):
        return self.head(self.body(x))
"""


@dataclass(frozen=True, slots=True)
class CorrectableFault:
    """A setting with a fault, and changes of it that are known to correct the fault.

    `code` is the finding that the fault causes, which decides how the gain is measured.
    """

    name: str
    code: str
    setting: Mapping[str, Any]
    corrections: tuple[Mapping[str, Any], ...]
    is_user_model: bool = False

    @property
    def key(self) -> str:
        """A name that identifies the fault and its setting among all."""
        content = json.dumps([self.setting, self.corrections], sort_keys=True)
        number = zlib.crc32(content.encode())
        return f"{self.name}/{self.setting['data']}/{number:08x}"


@dataclass(frozen=True, slots=True)
class RemedyBenchmark:
    """The result for one fault.

    `code` is the finding that was treated, `measure` the value by which remedies were judged,
    `gain` the improvement by the known correction, in standard deviations over the seeds. `remedy`
    is the most effective significant remedy (empty if there is none), `still` the number of its
    runs that still have the finding, and `share` the largest share of the gain of the correction
    that a significant remedy reaches.
    """

    fault: str
    data: str
    model: str
    code: str
    measure: str
    gain: float
    proposed: int
    remedy: str
    effect: float
    best_effect: float
    still: int
    share: float

    @property
    def has_gain(self) -> bool:
        """Whether the fault has something to gain."""
        return self.gain >= MIN_GAIN

    @property
    def is_proved(self) -> bool:
        """Whether a correct remedy was proved to help."""
        return bool(self.remedy) and self.share >= MIN_SHARE


# None: the default of the initialisation.
_MSRA = {"init": "msra", "init_scale": None}
_RELU = {"activation": "relu", "init": "msra"}
_EARLY = ({"early_stop": 8}, {"dropout": 0.3}, {"l2": 0.01})
_USER_EARLY = ({"early_stop": 8}, {"model.dropout": 0.3}, {"l2": 0.01})
_SMALL_DATA = {"epochs": 80, "width": 128, "opt": "adam", "lr": 3e-3, "batch_size": 32}

# Name, finding, setting, corrections.
_FAULTS: tuple[tuple[str, str, Mapping[str, Any], tuple[Mapping[str, Any], ...]], ...] = (
    ("lr too high, adam", "NN202", {"opt": "adam", "lr": 1.0}, ({"lr": 3e-3},)),
    ("lr too high, momentum", "NN202", {"opt": "momentum", "lr": 3.0}, ({"lr": 0.05},)),
    ("lr far too high", "NN201", {"opt": "sgd", "lr": 100.0}, ({"lr": 0.1},)),
    ("lr too low, adam", "NN203", {"opt": "adam", "lr": 3e-6}, ({"lr": 3e-3},)),
    ("lr too low, sgd", "NN203", {"opt": "sgd", "lr": 1e-5}, ({"lr": 0.1},)),
    ("lr far too low", "NN203", {"opt": "sgd", "lr": 1e-7}, ({"lr": 0.1},)),
    ("too few epochs", "NN105", {"opt": "adam", "lr": 5e-4, "epochs": 5}, ({"epochs": 20},)),
    (
        "deep sigmoid",
        "NN301",
        {"opt": "sgd", "lr": 0.05, "activation": "sigmoid", "depth": 8, "init": "xavier"},
        (_RELU,),
    ),
    (
        "init too large",
        "NN305",
        {"opt": "sgd", "lr": 1e-3, "depth": 6, "init": "normal", "init_scale": 1.0},
        ({**_MSRA, "lr": 0.1}, _MSRA),
    ),
    (
        "init too small",
        "NN305",
        {"opt": "sgd", "lr": 0.01, "depth": 6, "init": "normal", "init_scale": 0.01},
        ({**_MSRA, "lr": 0.1}, _MSRA),
    ),
    (
        "zero weights",
        "NN306",
        {"opt": "adam", "lr": 1e-3, "init": "zeros", "depth": 2},
        ({"init": "msra"},),
    ),
    (
        "dead units",
        "NN303",
        {"opt": "adam", "lr": 1e-3, "bias_init": -20.0, "depth": 2},
        ({"bias_init": 0.0},),
    ),
    (
        "saturated units",
        "NN304",
        {
            "opt": "sgd", "lr": 1e-3, "activation": "tanh", "depth": 3, "init": "normal",
            "init_scale": 3.0,
        },
        ({**_MSRA, "init": "xavier", "lr": 0.1}, {**_MSRA, "init": "xavier"}),
    ),
    (
        "dropout 0.95",
        "NN307",
        {"opt": "adam", "lr": 1e-3, "dropout": 0.95, "depth": 3},
        ({"dropout": 0.0},),
    ),
)  # fmt: skip

_ON_OTHER_DATA: tuple[tuple[str, str, Mapping[str, Any], tuple[Mapping[str, Any], ...]], ...] = (
    (
        "linear model",
        "NN104",
        {"data": "circles", "model": "linear", "opt": "adam", "lr": 0.03, "epochs": 40},
        ({"model": "mlp"},),
    ),
    (
        "inputs not normalised",
        "NN401",
        {"data": "raw", "inputs": "none", "opt": "momentum", "lr": 0.01},
        ({"inputs": "standardise"},),
    ),
    (
        "overfitting",
        "NN101",
        {"data": "digits", "train_size": 200, "label_noise": 0.2, **_SMALL_DATA},
        _EARLY,
    ),
    (
        "overfitting",
        "NN101",
        {"data": "circles", "train_size": 100, "data_noise": 0.3, **_SMALL_DATA, "epochs": 120},
        _EARLY,
    ),
    (
        "overfitting, regression",
        "NN101",
        {"data": "diabetes", "opt": "adam", "lr": 0.01, "epochs": 60, "width": 64},
        _EARLY,
    ),
    (
        "overfitting, regression",
        "NN101",
        {"data": "teacher-student", "train_size": 100, "data_noise": 0.5, **_SMALL_DATA},
        _EARLY,
    ),
    (
        "memorisation",
        "NN107",
        {"data": "digits", "train_size": 200, "label_noise": 0.3, "epochs": 60, "width": 128},
        _EARLY,
    ),
    (
        "memorisation",
        "NN107",
        {"data": "digits", "train_size": 200, "label_noise": 0.3, "epochs": 150, "width": 128},
        _EARLY,
    ),
    (
        "needs a decay",
        "NN205",
        {"data": "digits", "opt": "sgd", "lr": 1.0, "batch_size": 8, "epochs": 20,
         "label_noise": 0.1, "train_size": 600},
        ({"decay": "cosine"}, {"lr": 0.1}),
    ),
    (
        "batch size 1",
        "NN204",
        {"data": "circles", "opt": "sgd", "lr": 0.15, "batch_size": 1, "epochs": 8,
         "label_noise": 0.15, "samples": 300},
        ({"batch_size": 32}, {"lr": 0.015}),
    ),
)  # fmt: skip

_OF_USER_MODELS: tuple[tuple[str, str, Mapping[str, Any], tuple[Mapping[str, Any], ...]], ...] = (
    ("lr too high, adam", "NN202", {"opt": "adam", "lr": 1.0}, ({"lr": 3e-3},)),
    ("lr far too high", "NN201", {"opt": "sgd", "lr": 100.0}, ({"lr": 0.1},)),
    ("lr too low, adam", "NN203", {"opt": "adam", "lr": 3e-6}, ({"lr": 3e-3},)),
    ("lr too low, sgd", "NN203", {"opt": "sgd", "lr": 1e-5}, ({"lr": 0.1},)),
    ("too few epochs", "NN105", {"opt": "adam", "lr": 5e-4, "epochs": 5}, ({"epochs": 20},)),
    (
        "deep sigmoid",
        "NN301",
        {"opt": "sgd", "lr": 0.05, "model.activation": "sigmoid", "model.depth": 8},
        ({"model.activation": "relu"},),
    ),
    (
        "dropout 0.95",
        "NN307",
        {"opt": "adam", "lr": 1e-3, "model.dropout": 0.95, "model.depth": 3},
        ({"model.dropout": 0.0},),
    ),
)
_OF_USER_MODELS_ON_OTHER_DATA: tuple[
    tuple[str, str, Mapping[str, Any], tuple[Mapping[str, Any], ...]], ...
] = (
    (
        "inputs not normalised",
        "NN401",
        {"data": "raw", "inputs": "none", "opt": "momentum", "lr": 0.01},
        ({"inputs": "standardise"},),
    ),
    (
        "overfitting",
        "NN101",
        {"data": "digits", "train_size": 200, "label_noise": 0.2, "epochs": 80, "lr": 3e-3,
         "batch_size": 32, "model.hidden": 128},
        _USER_EARLY,
    ),
    (
        "memorisation",
        "NN107",
        {"data": "digits", "train_size": 200, "label_noise": 0.3, "epochs": 60,
         "model.hidden": 128},
        _USER_EARLY,
    ),
)  # fmt: skip


def correctable_faults() -> Iterator[CorrectableFault]:
    """All faults of the benchmark."""
    base: dict[str, Any] = {"epochs": 20, "batch_size": 32}
    for data in ("circles", "breast-cancer", "iris"):
        of_data = {**base, "data": data} | ({"samples": 600} if data == "circles" else {})
        for name, code, setting, corrections in _FAULTS:
            yield CorrectableFault(name, code, {**of_data, "width": 32, **setting}, corrections)
    for name, code, setting, corrections in _ON_OTHER_DATA:
        yield CorrectableFault(name, code, {**base, **setting}, corrections)
    user: dict[str, Any] = {**base, "model": f"{MODEL_FILE}:Net"}
    for data in ("circles", "breast-cancer"):
        of_data = {**user, "data": data} | ({"samples": 600} if data == "circles" else {})
        for name, code, setting, corrections in _OF_USER_MODELS:
            yield CorrectableFault(name, code, {**of_data, **setting}, corrections, True)
    for name, code, setting, corrections in _OF_USER_MODELS_ON_OTHER_DATA:
        yield CorrectableFault(name, code, {**user, **setting}, corrections, True)


def remedy_benchmarks(path: Path, *, computes: bool = True) -> list[RemedyBenchmark]:
    """The results of all faults; those that the file lacks are computed and added to it.

    With `computes=False` they are left out.
    """
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    known = content if isinstance(content, dict) else {}  # earlier versions stored a list
    path.parent.mkdir(parents=True, exist_ok=True)
    results = []
    for fault in correctable_faults():
        if fault.key not in known and not computes:
            continue
        if fault.key not in known:
            known[fault.key] = asdict(_evaluate(fault))
            path.write_text(json.dumps(known, indent=1), encoding="utf-8")
        results.append(RemedyBenchmark(**known[fault.key]))
    return results


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    """A temporary working folder with the user's model."""
    before = Path.cwd()
    with TemporaryDirectory() as name:
        os.chdir(name)
        os.environ["XDG_CACHE_HOME"] = name
        Path(MODEL_FILE).write_text(MODEL_CODE, encoding="utf-8")
        try:
            yield Path(name)
        finally:
            os.chdir(before)


def _evaluate(fault: CorrectableFault) -> RemedyBenchmark:
    with _temporary_folder() as folder:
        settings = _settings(fault, folder)
        control = settings[CONTROL_ARM]
        db = store.open_database(str(folder / "runs.db"), write=True, create=True)
        objective = Objective.parse(str(control["objective"]))
        study = _train_study(db, settings, objective)
        known = evaluate_remedies(db, study, objective, fault.code)
        best = max(known, key=lambda result: result.effect)
        gain = best.effect / _spread(db, study, control, best)
        first = next(run for run in store.runs(db, study=study.id) if run.trial.setting == control)
        try:
            plan = plan_remedies(db, str(first.id), SEEDS, None)
        except UsageError as error:
            benchmark = _result(fault, best, gain, (), str(error.message)[:60])
        else:
            queued = queue_remedies(db, plan)
            _run(db, queued.run_ids)
            results = judge_remedies(db, queued.study, plan)
            benchmark = _result(fault, best, gain, results, plan.finding_code)
        db.close()
    print(benchmark, file=sys.stderr, flush=True)
    return benchmark


def _result(
    fault: CorrectableFault,
    known: RemedyResult,
    gain: float,
    results: Sequence[RemedyResult],
    code: str,
) -> RemedyBenchmark:
    helped = [result for result in results if result.outcome is RemedyOutcome.HELPED]
    best = helped[0] if helped else None
    # Effects are comparable only if they are measured alike; a wrong finding may measure another.
    shares = [
        result.effect / known.effect if known.effect > 0 else 1.0
        for result in helped
        if result.metric == known.metric
    ]
    by_objective = [
        result.best_effect / known.best_effect for result in helped if known.best_effect > 0
    ]
    return RemedyBenchmark(
        fault.name,
        str(fault.setting["data"]),
        "user's" if fault.is_user_model else "nnlab's",
        code,
        known.measure_text,
        gain,
        len(results),
        best.name if best else "",
        best.effect if best else 0.0,
        best.best_effect if best else 0.0,
        best.still if best else 0,
        max([*shares, *by_objective], default=0.0),
    )


def _settings(fault: CorrectableFault, folder: Path) -> dict[str, Setting]:
    """The settings of the fault and of its corrections, by arm."""
    typed = dict(fault.setting)
    if typed["data"] == "raw":
        typed["data"] = faulty_data.write_dataset("raw/unseen/0", folder)
    arms = {CONTROL_ARM: typed}
    arms |= {f"correction {n}": {**typed, **c} for n, c in enumerate(fault.corrections)}
    settings = {}
    for name, values in arms.items():
        typed_values = {field: value for field, value in values.items() if value is not None}
        config = build_config({**typed_values, "device": "cpu", "threads": 1})
        resolved = resolve(config, facts_of(config), versions=file_versions(config))
        settings[name] = setting_of(resolved)
    return settings


def _spread(db: store.Database, study: Study, control: Setting, known: RemedyResult) -> float:
    """The standard deviation of the measure over the seeds, of the control and the correction."""
    by_trial: dict[str, list[float]] = {}
    for run in store.runs(db, study=study.id):
        if run.trial.setting in (control, known.setting):
            values = store.history(db, run.id)[known.metric].values
            better = min if "loss" in known.metric else max
            value = values[-1] if known.at == "last" else better(values)
            by_trial.setdefault(run.trial.digest, []).append(value)
    variances = [statistics.variance(values) for values in by_trial.values()]
    return max(math.sqrt(statistics.fmean(variances)), 1e-9)


def _train_study(
    db: store.Database, settings: Mapping[str, Setting], objective: Objective
) -> Study:
    arms = [Arm(arm, (digest_of(setting),)) for arm, setting in settings.items()]
    study = store.create_study(
        db, name="known", question="", objective=objective, space=None, seeds=(), arms=arms
    )
    specs = remedy_run_specs(settings.values(), range(SEEDS))
    _run(db, store.enqueue(db, study, specs).run_ids)
    return study


def _run(db: store.Database, run_ids: Sequence[int]) -> None:
    run_queue(
        WorkerContext(db, QuietView(str), lambda: False, SavePolicy(models=False)),
        run_ids,
        planner=BatchPlanner("auto"),
    )


def remedy_section(results: Sequence[RemedyBenchmark]) -> list[str]:
    """The section of docs/diagnosis-accuracy.md about remedies, as lines."""
    with_gain = [result for result in results if result.has_gain]
    proved = [result for result in with_gain if result.is_proved]
    missing = sum(1 for _ in correctable_faults()) - len(results)
    lines = [
        "## Remedies",
        "",
        f"Of {len(results)} faults whose correction is known, {len(with_gain)} have something to",
        f"gain: the correction improves the runs by at least {MIN_GAIN:g} sd over {SEEDS} seeds."
        f" For {len(proved)} of",
        f"these ({len(proved) / max(len(with_gain), 1):.0%}; goal: 95 %) `nnlab remedy` with"
        f" {SEEDS} seeds proved a remedy that reaches at",
        f"least {MIN_SHARE:.0%} of the gain."
        + (f" Not measured: {missing} of the faults." if missing else ""),
        "",
        "*Possible gain*: the improvement by the known correction, in standard deviations (sd)",
        "between seeds. *Treated*: the finding whose remedies were trained. *Remedies*: how many.",
        "*Share of the gain*: the improvement by the best remedy, relative to that by the known",
        "correction; above 100 % the remedy is better than the correction.",
        "",
        "| fault | data | model | judged by | possible gain | treated | remedies | best remedy |"
        " share of the gain |",
        "| --- | --- | --- | --- | ---: | --- | ---: | --- | ---: |",
    ]
    lines += [_result_row(result) for result in results]
    return [*lines, ""]


def _result_row(result: RemedyBenchmark) -> str:
    gain = f"{result.gain:.1f} sd" if result.gain < _MAX_GAIN else f"above {_MAX_GAIN} sd"
    # Without a proposal there is the message of the error in place of a code.
    treated = result.code if result.proposed else "none"
    share = f"{result.share:.0%}" if result.remedy else ""
    if not result.has_gain:
        share = "*nothing to gain*"
    return (
        f"| {result.fault} | {result.data} | {result.model} | {result.measure} | {gain} |"
        f" {treated} | {result.proposed} | {result.remedy or '*none proved*'} | {share} |"
    )


def main() -> int:
    """Prints the section about remedies; computes what the file lacks."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build/remedies.json"
    print("\n".join(remedy_section(remedy_benchmarks(path.absolute()))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
