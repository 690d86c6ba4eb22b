"""Arms with `decay = "find-decay"`: proposals for runs that are trained first become settings."""

import math
import random
import re
from dataclasses import replace
from pathlib import Path

import pytest
from command_line_runner import Nnlab

import nnlab as api
from nnlab import store
from nnlab.analysis.find_decay import METRIC, find_decay
from nnlab.errors import ConfigError
from nnlab.records import Curve, History, Run, Status, Study
from nnlab.study.found_decay import median_suggestion
from nnlab.study.request import TrainRequest, merge_config_file

# With four examples per step the loss soon reaches the noise of the steps.
FILE = """
claim = "The proposed decay ends lower than no decay."
data = "iris"
width = 8
depth = 1
opt = "sgd"
lr = [0.3, 1.0]
batch_size = 4
epochs = 16
seeds = "0..1"
objective = "val/loss:min"

[find-decay]
seeds = "50..52"

[[arm]]
name = "constant"

[[arm]]
name = "found"
decay = "find-decay"

[[decide]]
metric = "val/loss"
higher = "constant"
lower = "found"
"""
SOURCE = "when/find-decay"


@pytest.fixture
def file(folder: Path) -> Path:
    path = folder / "when.toml"
    path.write_text(FILE)
    return path


def stored(name: str) -> tuple[Study, dict[int, Run], dict[int, History]]:
    db = store.open_database("runs.db", write=False)
    study = store.find_study(db, name)
    runs = {run.id: run for run in store.runs(db, study=study.id, current_only=True)}
    histories = dict(store.histories(db, list(runs)))
    db.close()
    return study, runs, histories


def proposed_by_lr() -> dict[float, str | None]:
    """The steps that find-decay proposes for the run with the median plateau, by learning rate."""
    _, runs, histories = stored(SOURCE)
    epochs: dict[float, dict[float, str | None]] = {}
    for run in runs.values():
        suggestion = find_decay(histories[run.id], run.trial.setting)
        options = suggestion.proposals[0].options if suggestion.proposals else {}
        by_epoch = epochs.setdefault(float(run.trial.setting["lr"] or 0), {})
        key = math.inf if suggestion.epoch is None else float(suggestion.epoch)
        # Runs with equal plateaus have equal steps; a small offset keeps all three in the list.
        by_epoch[key + 1e-6 * len(by_epoch)] = str(options["decay_at"]) if options else None
    return {lr: by_epoch[sorted(by_epoch)[1]] for lr, by_epoch in epochs.items()}


def test_the_study_trains_each_setting_with_the_steps_proposed_for_it(
    nnlab: Nnlab, file: Path
) -> None:
    nnlab("train", "--study", "when", "--config", file.name, "-q", "--no-keep-models")
    study, runs, _ = stored("when")
    found = next(arm for arm in study.arms if arm.name == "found")
    settings = {
        float(run.trial.setting["lr"] or 0): run.trial.setting
        for run in runs.values()
        if run.trial.digest in found.trials
    }
    proposals = proposed_by_lr()
    assert {lr: setting.get("decay_at") for lr, setting in settings.items()} == proposals
    assert any(proposals.values())
    _, source_runs, _ = stored(SOURCE)
    assert {run.known_seed for run in source_runs.values()} == {50, 51, 52}
    assert {run.known_seed for run in runs.values()} == {0, 1}
    nnlab("report", "when", "-o", "when.md")
    report = Path("when.md").read_text().replace("\\", "")
    assert f"found: found by find-decay in '{SOURCE}': lr=0.3: " in report
    for steps in filter(None, proposals.values()):
        assert f"decay_at={steps} (a plateau in " in report
    # The same file describes the same study, and seeds can be added without another proposal.
    assert "nothing to train" in nnlab("train", "--study", "when", "--config", file.name).out
    nnlab("train", "--study", "when", "--seeds", "3", "--extend", "-q", "--no-keep-models")
    assert stored("when")[0].arms == study.arms


def test_a_dry_run_leaves_the_arm_out_until_the_runs_are_trained(nnlab: Nnlab, file: Path) -> None:
    planned = nnlab("init-study", "when", "--config", file.name, "--dry-run")
    assert f"arm found: left out: its decay is found in '{SOURCE}', trained first" in " ".join(
        planned.err.split()
    )
    assert "2 trials with 2 seeds (0, 1)" in planned.out
    refused = nnlab("init-study", "when", "--config", file.name, expect=2)
    assert "nnlab train --study when" in refused.err
    assert not Path("runs.db").exists()


def test_a_command_that_ended_early_is_continued(nnlab: Nnlab, file: Path) -> None:
    # A command that is killed while it trains the first runs leaves them in the queue.
    base = FILE.partition("[find-decay]")[0].replace('claim = "The', 'question = "The')
    Path("base.toml").write_text(
        base.replace("0..1", "50..52").replace("lr =", 'decay="none"\nlr =')
    )
    nnlab("init-study", SOURCE, "--config", "base.toml")
    nnlab("train", "--study", SOURCE, "--seed", "50", "-q", "--no-keep-models")
    answer = nnlab("init-study", "when", "--config", file.name, expect=2)
    assert "not trained yet" in answer.err
    nnlab("train", "--study", "when", "--config", file.name, "-q", "--no-keep-models")
    _, runs, _ = stored(SOURCE)
    assert len(runs) == 6
    assert len(stored("when")[1]) in (6, 8)  # a proposal may be to keep the learning rate constant


def test_it_works_from_python(file: Path) -> None:
    runs = api.train(study="when", config=file, keep_models=False)
    assert stored(SOURCE)[0].seeds == (50, 51, 52)
    assert {run.seed for run in runs} == {0, 1}


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('[find-decay]\nseeds = "50..52"', "", r"needs a table \[find-decay\] with seeds"),
        ('seeds = "50..52"', "", r"needs a table \[find-decay\] with seeds"),
        ('seeds = "50..52"', "seeds = [50]\nlrr = 1", "did you mean 'lr'"),
        ('decay = "find-decay"', 'decay = "exp"', r"no arm has decay = \"find-decay\""),
        ('"find-decay"', '"find-decay"\nrequires = "cuda"', "exclude each other"),
    ],
)
def test_a_wrong_file_is_refused(file: Path, before: str, after: str, message: str) -> None:
    file.write_text(FILE.replace(before, after))
    with pytest.raises(ConfigError) as error:
        merge_config_file(file, TrainRequest(settings={}, study="when"))
    assert re.search(message, error.value.problems[0])


def test_a_setting_without_runs_is_refused(nnlab: Nnlab, file: Path) -> None:
    file.write_text(FILE.replace('"find-decay"\n', '"find-decay"\nwidth = 4\n'))
    answer = nnlab("train", "--study", "when", "--config", file.name, "-q", expect=2)
    assert "[find-decay] has no runs of the setting" in answer.err


def test_the_median_run_decides(run: Run) -> None:
    def history(at: int | None) -> History:
        draw = random.Random(at or 0)
        losses = [
            math.exp(-0.15 * (t if at is None else min(t, at)) + draw.gauss(0, 0.02))
            for t in range(1, 61)
        ]
        return History({METRIC: Curve(METRIC, tuple(range(1, 61)), tuple(losses))})

    diverged = replace(run, status=Status.DIVERGED)
    suggestion = median_suggestion([(run, history(at)) for at in (40, 10, 20)]).suggestion
    assert suggestion == find_decay(history(20), run.trial.setting)
    # A run without a plateau counts as the latest, as one that diverged does.
    mostly = median_suggestion([(run, history(10)), (run, history(None)), (diverged, history(8))])
    assert (mostly.plateaus, mostly.runs) == (1, 3)
    assert str(mostly) == "no decay (a plateau in 1 of 3 runs)"
    half = median_suggestion([(run, history(10)), (run, history(None))])
    assert half.suggestion == find_decay(history(10), run.trial.setting)


@pytest.fixture
def run(nnlab: Nnlab) -> Run:
    """A run with SGD and without decay."""
    nnlab(
        *("train", "--study", "one", "--data", "iris", "--opt", "sgd", "--epochs", "1"),
        *("--width", "4", "--depth", "1", "-q", "--no-keep-models"),
    )
    return next(iter(stored("one")[1].values()))
