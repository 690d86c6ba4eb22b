"""The remedies that findings propose, and the order in which they are tried."""

from nnlab.diagnosis.calibration import calibrated_confidence
from nnlab.diagnosis.remedies import remedies_for
from nnlab.objective import Setting
from nnlab.records import Finding, Severity

SGD: Setting = {"opt": "sgd", "lr": 1e-4, "epochs": 30, "batch_size": 32, "inputs": "standardise"}
MLP: Setting = {
    **SGD, "model": "mlp", "width": 32, "depth": 2, "activation": "relu", "init": "msra",
    "norm": "none", "dropout": 0.0, "augment": "none", "l2": 0.0, "label_smoothing": 0.0,
    "loss": "cross_entropy", "early_stop": 0, "mixup": 0.0,
}  # fmt: skip


def _finding(
    code: str,
    strength: float = 0.9,
    severity: Severity = Severity.WARNING,
    onset: int | None = None,
) -> Finding:
    """A finding whose evidence has this strength."""
    is_calibrated = severity is not Severity.INFO
    confidence = calibrated_confidence(code, strength) if is_calibrated else strength
    return Finding(code, code, severity, confidence, onset, "", "", {})


def _names(setting: Setting, *findings: Finding) -> list[str]:
    return [remedy.name for remedy in remedies_for(findings, setting)]


def _treated(setting: Setting, *findings: Finding) -> list[str]:
    """The codes of the remedies in their order, each once."""
    return list(dict.fromkeys(remedy.finding_code for remedy in remedies_for(findings, setting)))


def test_a_false_cause_does_not_come_before_the_sure_finding_it_would_explain() -> None:
    cause, symptom = _finding("NN202", 0.58), _finding("NN203", 0.9)
    assert _treated(MLP, cause, symptom, _finding("NN104", 0.6)) == ["NN203", "NN202"]
    # A sure cause explains its symptoms: their remedies are not tried.
    assert _treated(MLP, _finding("NN202", 0.9), symptom) == ["NN202"]


def test_symptoms_are_tried_where_no_setting_remedies_the_cause() -> None:
    error = _finding("NN404", 0.95, Severity.ERROR)
    assert _treated(MLP, error, _finding("NN101", 0.6)) == ["NN101"]
    # The symptoms of an uncertain cause come last.
    assert _treated(MLP, _finding("NN203", 0.6), _finding("NN104", 0.55)) == ["NN203", "NN104"]


def test_notes_are_tried_only_if_nothing_else_was_found() -> None:
    plateau = _finding("NN102", severity=Severity.INFO)
    assert _treated(MLP, plateau, _finding("NN203")) == ["NN203"]
    assert _treated(MLP, plateau) == ["NN102"]


def test_memorisation_has_the_remedies_of_overfitting() -> None:
    names = ["augmentation", "dropout", "L2 penalty", "label smoothing", "early stopping", "mixup"]
    for code in ("NN101", "NN103", "NN107"):
        assert _names(MLP, _finding(code)) == [*names, "half the width"]


def test_a_script_trains_until_the_onset() -> None:
    script: Setting = {"epochs": 40, "weight_decay": 0.0}
    assert _names(script, _finding("NN107", onset=12)) == ["12 epochs"]
    assert _names(script, _finding("NN101", onset=1)) == []
    assert _names(script, _finding("NN101", onset=39)) == []


def test_factors_of_the_learning_rate_reach_the_usual_one() -> None:
    def rates(setting: Setting, code: str) -> list[object]:
        return [remedy.changes.get("lr") for remedy in remedies_for([_finding(code)], setting)]

    assert rates({"opt": "sgd", "lr": 1e-4}, "NN203") == [1e-3, 1e-2, 0.1]
    assert rates({"opt": "sgd", "lr": 1e-7}, "NN203") == [1e-5, 1e-3, 0.1]
    assert rates({"opt": "adam", "lr": 3e-6}, "NN203") == [3e-5, 3e-4, 3e-3]
    assert rates({"opt": "sgd", "lr": 1e5, "decay": "onecycle"}, "NN202") == [1e3, 10.0, 0.1]
    # The optimizer of a script is not known.
    assert rates({"lr": 1e-9}, "NN203") == [1e-8, 1e-7, 1e-6]


def test_a_correct_initialisation_comes_with_the_usual_learning_rate() -> None:
    faulty = {**MLP, "init": "normal", "lr": 1e-3}
    remedies = remedies_for([_finding("NN305")], faulty)
    assert [(r.name, dict(r.changes)) for r in remedies] == [
        ("msra initialisation", {"init": "msra"}),
        ("msra initialisation, learning rate 0.1", {"init": "msra", "lr": 0.1}),
        ("batch norm", {"norm": "batch"}),
    ]
    assert "learning rate 0.1" in _names({**MLP, "lr": 1e-3}, _finding("NN106"))


def test_the_scale_of_a_suitable_initialisation_is_reset() -> None:
    fading = {**MLP, "init": "msra", "init_gain": 1.0, "init_scale": 0.5, "lr": 0.1}
    assert remedies_for([_finding("NN305")], fading)[0].changes == {
        "init": "msra",
        "init_gain": "activation",
        "init_scale": 1.0,
    }


def test_small_batches() -> None:
    assert _names({**MLP, "batch_size": 1, "lr": 0.1}, _finding("NN202"))[0] == "batches of 32"
    assert remedies_for([_finding("NN204")], {**MLP, "batch_size": 1})[0].changes == {
        "batch_size": 32
    }


def test_exploding_gradients_are_clipped_first() -> None:
    names = _names({**MLP, "clip": 0.0, "inputs": "none"}, _finding("NN302"))
    assert names == [
        "gradient clipping",
        "1/10 of the learning rate",
        "1/100 of the learning rate",
        "standardised inputs",
        "batch norm",
    ]
