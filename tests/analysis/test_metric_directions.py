"""Directions of metrics: from names, from settings, or unknown and refused."""

import math

import pytest

from nnlab.analysis.run_value import metrics_in
from nnlab.catalogue import CATALOGUES
from nnlab.catalogue.metrics import MetricChoice
from nnlab.objective import Objective, direction_of, limits_of, split_direction
from nnlab.settings import RunConfig, digest_of, metric_direction, metric_directions, setting_of
from nnlab.settings.setting_differences import distinguishing_fields

HIGHER = (
    "val/acc", "val/accuracy", "val/f1", "val/f1_macro", "f1_score", "val/auroc", "val_auc",
    "val/bleu", "val/miou", "val/mean_iou", "val/dice", "val/map", "val/mAP@0.5", "val/reward",
    "rollout/ep_reward", "val/return", "val/r2", "val/precision", "val/recall", "val/top1",
    "val/top5", "val/top5_accuracy", "valid_balanced-accuracy", "val/mcc", "train/accuracy_exact",
    "val/ndcg@10", "val/psnr",
)  # fmt: skip
LOWER = (
    "val/loss", "train/loss_exact", "val/dice_loss", "val/perplexity", "val/wer",
    "val/word_error_rate", "val/cer", "val/fid", "val/error", "val/error_rate", "val/mse",
    "val/rmse", "val/mae", "val/max_error", "val/brier", "val/nll", "time/epoch", "energy/joules",
    "cost/state_bytes", "train/grad_norm",
)  # fmt: skip
UNKNOWN = (
    "val/gini", "val/score", "val/neg_mean_squared_error", "lr", "probe/dead/2", "data/val",
    "val/temperature", "val/lossy",
)  # fmt: skip


@pytest.mark.parametrize("metric", HIGHER)
def test_higher_values_of_these_are_better(metric: str) -> None:
    assert direction_of(metric) == "max"


@pytest.mark.parametrize("metric", LOWER)
def test_lower_values_of_these_are_better(metric: str) -> None:
    assert direction_of(metric) == "min"


@pytest.mark.parametrize("metric", UNKNOWN)
def test_no_name_says_which_values_of_these_are_better(metric: str) -> None:
    assert direction_of(metric) is None
    with pytest.raises(ValueError, match=f"{metric}:min or {metric}:max says so"):
        Objective.parse(metric)
    assert Objective.parse(f"{metric}:max").direction == "max"


def test_every_metric_of_the_catalogue_has_a_direction_and_limits() -> None:
    rows = [row for row in CATALOGUES["metric"] if isinstance(row, MetricChoice)]
    assert len(rows) == len(CATALOGUES["metric"])
    for row in rows:
        if row.name != "module:":
            assert row.direction is not None, row.name
            low, high = row.limits
            assert math.isfinite(low) or math.isfinite(high), row.name
    assert limits_of("val/f1_weighted") == (0.0, 1.0)
    assert limits_of("val/mcc") == (-1.0, 1.0)


def test_settings_give_the_directions_of_user_metrics() -> None:
    setting = {"metrics": "f1,m.py:gini:max,m.py:spread,pack.mod:error_gap:max"}
    directions = metric_directions(setting)
    assert directions["val/gini"] == directions["train/gini_exact"] == "max"
    assert metric_direction("val/error_gap", setting) == "max"
    assert metric_direction("val/spread", setting) is None
    assert metric_direction("val/f1", setting) == "max"
    # Two settings that disagree say nothing.
    assert "val/gini" not in metric_directions(setting, {"metrics": "m.py:gini:min"})
    # A later version may know more names.
    assert metric_directions({"metrics": "quux,m.py:gini:min"})["val/gini"] == "min"


def test_a_direction_is_split_from_the_end_only() -> None:
    assert split_direction("val/gini:min") == ("val/gini", "min")
    assert split_direction("m.py:max") == ("m.py", "max")  # the list of metrics knows better
    assert split_direction(":max") == (":max", None)
    assert metrics_in("val/gini:max - train/gini:max") == ("val/gini", "train/gini")


def test_metrics_change_no_existing_digest_and_distinguish_no_trials() -> None:
    plain = setting_of(RunConfig())
    assert "metrics" not in plain
    assert digest_of({**plain, "metrics": None}) == digest_of(plain)
    measured = {**plain, "metrics": "f1", "metrics_version": "aa"}
    assert digest_of(measured) != digest_of(plain)
    assert distinguishing_fields([plain, measured]) == ()
