"""Rules that read the inspection of a user's model, of which the setting has only the name."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from nnlab.diagnosis import diagnose
from nnlab.diagnosis.calibration import calibrated_confidence
from nnlab.records import Curve, Finding, History, Severity

N = 20
USER_MODEL = {"model": "model.py:Net", "loss": "cross_entropy"}
STUCK: Mapping[str, Any] = {
    "train/loss": [2.31 - 1e-4 * i for i in range(N)],
    "val/loss": [2.31] * N,
    "train/accuracy": [0.1] * N,
    "val/accuracy": [0.1] * N,
    "data/classes": 10.0,
    "data/majority": 0.1,
    "probe/update_ratio": [1e-3] * N,
}
LEARNED: Mapping[str, Any] = {
    **STUCK,
    "train/loss": [2.3 * 0.7**i for i in range(N)],
    "val/loss": [0.1 + 2.2 * 0.7**i for i in range(N)],
    "train/accuracy": [1 - 0.9 * 0.7**i for i in range(N)],
    "val/accuracy": [1 - 0.9 * 0.7**i for i in range(N)],
}
SIGMOID = {"probe/model_weight_layers": 9.0, "probe/model_activations_sigmoid": 8.0}
RELU = {"probe/model_weight_layers": 4.0, "probe/model_activations_relu": 3.0}
DEAD = {
    f"probe/{when}{name}/{layer}": value
    for when in ("", "start_")
    for name, value in (("dead", 1.0), ("activation_sd", 0.0))
    for layer in (1, 2, 3)
}


def findings(
    curves: Mapping[str, Any], setting: Mapping[str, Any] = USER_MODEL
) -> dict[str, Finding]:
    def values(given: float | Sequence[float]) -> tuple[float, ...]:
        return (given,) if isinstance(given, float) else tuple(given)

    history = History(
        {
            name: Curve(name, tuple(range(1, len(values(given)) + 1)), values(given))
            for name, given in curves.items()
        }
    )
    return {finding.code: finding for finding in diagnose(history, setting)}


def ratios(start: float, later: float) -> dict[str, Any]:
    return {"probe/start_gradient_ratio": start, "probe/gradient_ratio": [later] * N}


def test_a_small_gradient_of_the_first_layer_is_found_in_a_users_model() -> None:
    finding = findings({**STUCK, **SIGMOID, **ratios(1e-6, 1e-7)})["NN301"]
    assert finding.severity is Severity.WARNING
    assert next(iter(finding.evidence.values())) == 1e-6
    assert finding.remedy.startswith("in the code of the model: nn.ReLU")
    assert "--" not in finding.remedy


@pytest.mark.parametrize(
    "curves",
    [
        {**STUCK, **ratios(0.3, 0.2)},
        # A head that starts at zero passes no gradient in the first step only.
        {**STUCK, **ratios(0.0, 0.5)},
        # Units that die later are no vanishing gradient.
        {**STUCK, **ratios(0.8, 0.0)},
        {**LEARNED, **ratios(1e-6, 1e-3)},
    ],
    ids=["usual", "zero head", "died", "learned"],
)
def test_other_ratios_are_no_vanishing_gradient(curves: Mapping[str, Any]) -> None:
    assert "NN301" not in findings({**curves, **SIGMOID})


def test_a_network_that_begins_to_learn_late_has_vanishing_gradients() -> None:
    late = [0.1] * 14 + [0.3, 0.5, 0.6, 0.6, 0.6, 0.6]
    curves = {**STUCK, "train/accuracy": late, "train/loss": [2.3 * (1.1 - a) for a in late]}
    assert "NN301" in findings({**curves, **SIGMOID, **ratios(1e-7, 1e-5)})
    assert "NN301" not in findings({**curves, **SIGMOID, **ratios(0.1, 0.1)})


def test_without_a_ratio_the_kinds_of_activations_decide() -> None:
    assert "NN301" in findings({**STUCK, **SIGMOID})
    assert "NN301" not in findings({**STUCK, **SIGMOID, "probe/model_norms": 8.0})
    assert "NN301" not in findings({**STUCK, **RELU})


def test_the_ratio_overrides_the_activation_of_a_builtin_model() -> None:
    setting = {"model": "mlp", "activation": "sigmoid", "depth": 8, "norm": "none"}
    finding = findings({**STUCK, **SIGMOID, **ratios(1e-5, 1e-5)}, setting)["NN301"]
    assert finding.remedy.startswith("--activation relu")
    assert "NN301" not in findings({**STUCK, **SIGMOID, **ratios(0.5, 0.5)}, setting)


def test_runs_without_these_facts_have_the_findings_of_before() -> None:
    setting = {"model": "mlp", "activation": "sigmoid", "depth": 8, "norm": "none"}
    assert "NN301" in findings(STUCK, setting)
    assert "NN301" not in findings(STUCK)
    symmetric = findings({**STUCK, **DEAD})["NN306"]
    assert symmetric.confidence == calibrated_confidence("NN306", 0.6)
    assert "NN306" in findings(STUCK, {"model": "mlp", "init": "zeros"})
    assert "NN307" in findings(STUCK, {"model": "mlp", "dropout": 0.9})
    assert "NN307" not in findings(STUCK)


def test_dead_outputs_of_negative_biases_are_no_symmetry() -> None:
    by_code = findings({**STUCK, **RELU, **DEAD, "probe/model_bias_mean": -4.0})
    assert "NN306" not in by_code
    assert next(iter(by_code)) == "NN303"
    assert "the biases of a layer start at -4" in by_code["NN303"].message
    assert "biases that start at 0" in by_code["NN303"].remedy


def test_a_signal_that_ends_at_negative_biases_is_no_initialisation_scale() -> None:
    curves = {**STUCK, **RELU, **DEAD, "probe/start_activation_sd/1": 0.03}
    assert "NN305" in findings(curves)
    assert "NN305" not in findings({**curves, "probe/model_bias_mean": -4.0})


@pytest.mark.parametrize(
    ("layers", "symmetric", "has_equal_head", "is_found"),
    [
        (3.0, 2.0, True, True),
        (4.0, 3.0, False, True),
        (2.0, 1.0, True, True),
        (2.0, 1.0, False, False),  # a head of random weights makes the units different
        (9.0, 4.0, True, False),  # zeros at the end of residual branches
        (3.0, 0.0, True, False),  # a head that starts at zero
        (1.0, 0.0, True, False),  # one layer
    ],
)
def test_symmetry_is_decided_by_the_weights(
    layers: float, symmetric: float, has_equal_head: bool, is_found: bool
) -> None:
    curves = {**STUCK, "probe/model_weight_layers": layers}
    curves |= {"probe/model_symmetric_layers": symmetric} if symmetric else {}
    curves |= {"probe/model_symmetric_head": 1.0} if has_equal_head else {}
    assert ("NN306" in findings(curves)) is is_found


def test_a_linear_model_may_start_at_zero() -> None:
    setting = {"model": "linear", "init": "zeros"}
    assert "NN306" not in findings({**LEARNED, "probe/model_weight_layers": 1.0}, setting)


def test_the_dropout_of_a_users_model_is_read_from_its_modules() -> None:
    curves = {**STUCK, **RELU, "probe/model_dropout": 0.8}
    finding = findings(curves)["NN307"]
    assert finding.evidence["dropout"] == 0.8
    assert finding.remedy == "in the code of the model: dropout of 0.2"
    with_option = {**USER_MODEL, "model.dropout": 0.8}
    assert findings(curves, with_option)["NN307"].remedy == "--model.dropout 0.2"
    assert "NN307" not in findings({**curves, "probe/model_dropout": 0.5})


def test_normalisation_in_a_users_model_resets_the_scale() -> None:
    sds = {f"probe/start_activation_sd/{layer}": 10.0 ** (-2 * layer) for layer in (1, 2, 3)}
    finding = findings({**STUCK, **RELU, **sds})["NN305"]
    assert finding.remedy.startswith("in the code of the model: nn.init")
    assert "NN305" not in findings({**STUCK, **RELU, **sds, "probe/model_norms": 3.0})


def test_unusual_gains_need_a_smaller_change_of_the_scale() -> None:
    sds = {"probe/start_activation_sd/1": 1.0, "probe/start_activation_sd/2": 0.1}
    gains = {"probe/model_smallest_gain": 0.05, "probe/model_largest_gain": 0.1}
    usual = {"probe/model_smallest_gain": 0.57, "probe/model_largest_gain": 0.6}
    assert "NN305" in findings({**STUCK, **RELU, **sds, **gains})
    assert "NN305" not in findings({**STUCK, **RELU, **sds, **usual})
