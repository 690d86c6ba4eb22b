"""`nnlab compare --test-set-noise`: the noise of the validation set, and trials by example."""

import math
from pathlib import Path

import numpy as np
import pytest
from command_line_runner import QUICK, Nnlab
from sklearn.metrics import roc_auc_score

from nnlab import store
from nnlab.analysis.predictions import Predictions, predict_split
from nnlab.stats.paired_predictions import compare_accuracies, compare_areas

BINARY = ("--data", "breast-cancer", "--width", "8", "--depth", "1", "--epochs", "2")


def predictions_of(run: int) -> Predictions:
    db = store.open_database("runs.db", write=False)
    try:
        return predict_split(db, store.runs(db, run_ids=[run])[0])
    finally:
        db.close()


def correct(run: int) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    predictions = predictions_of(run)
    return np.asarray(predictions.probabilities.argmax(axis=1) == predictions.targets)


def test_one_seed_each_is_compared_by_mcnemar(nnlab: Nnlab) -> None:
    nnlab("train", *QUICK, "--lr", "0.1", "--epochs", "6", "-q")
    nnlab("train", *QUICK, "--lr", "1e-6", "-q")
    answer = nnlab("compare", "--test-set-noise", "--by", "val/accuracy", "--format", "json").json
    best, other = answer["rows"]
    expected = compare_accuracies(correct(best["runs"][0])[None], correct(other["runs"][0])[None])
    difference = other["difference_by_example"]
    assert difference["method"] == "McNemar"
    assert difference["difference"] == pytest.approx(best["mean"] - other["mean"])
    assert difference["p"] == pytest.approx(expected.p)
    assert difference["low"] == pytest.approx(expected.low)
    assert best["difference_by_example"] is None
    assert best["test_set_noise"]["source"] == "predictions"
    assert best["test_set_noise"]["share"] is None
    assert expected.low > 0
    (note,) = (note for note in answer["notes"] if "by at least" in note)
    assert "the trained model of #1" in note


def test_several_seeds_share_their_noise(trained: Nnlab) -> None:
    answer = trained("compare", "--test-set-noise", "--by", "val/accuracy", "--format", "json").json
    for row in answer["rows"]:
        made = np.stack([correct(run) for run in row["runs"]])
        error = made.mean(axis=0).std(ddof=1) / math.sqrt(made.shape[1])
        assert row["test_set_noise"]["standard_error"] == pytest.approx(error)
        assert row["test_set_noise"]["examples"] == made.shape[1]
    table = trained("compare", "--test-set-noise", "--by", "val/accuracy")
    assert "validation set" in table.out


def test_areas_are_compared_by_delong(nnlab: Nnlab) -> None:
    nnlab("train", *BINARY, "--metrics", "auroc", "--opt", "sgd,adam", "-q")
    answer = nnlab("compare", "--test-set-noise", "--by", "val/auroc", "--format", "json").json
    best, other = answer["rows"]
    first, second = (predictions_of(row["runs"][0]) for row in (best, other))
    assert best["mean"] == pytest.approx(
        roc_auc_score(first.targets, first.probabilities[:, 1]), abs=1e-5
    )
    expected = compare_areas(
        first.probabilities[None, :, 1], second.probabilities[None, :, 1], first.targets == 1
    )
    assert other["difference_by_example"]["method"] == "DeLong"
    assert other["difference_by_example"]["low"] == pytest.approx(expected.low)
    assert other["difference_by_example"]["p"] == pytest.approx(expected.p)


def test_runs_without_weights_have_the_binomial_noise(nnlab: Nnlab) -> None:
    nnlab("train", *QUICK, "--seeds", "2", "--no-keep-models", "-q")
    answer = nnlab("compare", "--test-set-noise", "--by", "val/accuracy", "--format", "json").json
    (row,) = answer["rows"]
    noise = row["test_set_noise"]
    assert noise["source"] == "binomial"
    expected = math.sqrt(row["mean"] * (1 - row["mean"]) / noise["examples"])
    assert noise["standard_error"] == pytest.approx(expected)
    assert any("run 1 kept no weights" in note for note in answer["notes"])


def test_weights_of_another_epoch_are_not_used(nnlab: Nnlab) -> None:
    nnlab("train", *QUICK, "--lr", "0.05", "-q")
    answer = nnlab(
        *("compare", "--test-set-noise", "--by", "val/accuracy", "--at", "1", "--format", "json")
    ).json
    (row,) = answer["rows"]
    if row["test_set_noise"]["source"] == "predictions":
        assert correct(1).mean() == pytest.approx(row["mean"])
    else:
        assert any("weights of another epoch" in note for note in answer["notes"])


def test_other_metrics_are_refused(trained: Nnlab) -> None:
    answer = trained("compare", "--test-set-noise", "--by", "val/loss", expect=2)
    assert "needs an accuracy or an AUROC, and not val/loss" in answer.err


def test_the_report_has_the_same_columns(trained: Nnlab) -> None:
    trained("init-study", "s", *QUICK, "--opt", "sgd,adam", "--objective", "val/accuracy")
    trained("train", "--study", "s", "-q")
    for name in ("s.md", "s.html", "s.tex"):
        trained("report", "s", "--test-set-noise", "-o", name)
        text = Path(name).read_text(encoding="utf-8")
        assert "from the validation set" in text
        assert "McNemar" in text


def test_ablations_have_no_such_columns(trained: Nnlab) -> None:
    answer = trained("compare", "--test-set-noise", "--ablation", "opt=sgd", expect=2)
    assert "--test-set-noise has no effect with --ablation" in answer.err
