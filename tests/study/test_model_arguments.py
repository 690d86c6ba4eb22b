"""Remedies for user's models: parameters of the model in place of nnlab's fields for layers."""

from pathlib import Path

import pytest

from nnlab.diagnosis.remedies import remedies_for
from nnlab.records import Finding, Severity
from nnlab.study.model_arguments import model_arguments

CODE = """
from torch import nn

raise RuntimeError("this file must not be executed")


class Net(nn.Module):
    def __init__(self, in_features, num_classes, hidden_size=64, dropout: float = 0.9, act="tanh"):
        super().__init__()
"""


@pytest.fixture(autouse=True)
def model_file(folder: Path) -> None:
    (folder / "net.py").write_text(CODE)


def _changes(code: str, **setting: str | float) -> list[dict[str, object]]:
    finding = Finding(code, code, Severity.WARNING, 0.9, 1, "", "", {})
    full = {"model": "net.py:Net", "opt": "adam", "lr": 1e-3, "epochs": 10, **setting}
    arguments = model_arguments(full)
    remedies = arguments.translate(remedies_for([finding], arguments.with_fields(full)))
    return [dict(remedy.changes) for remedy in remedies]


def test_defaults_of_the_signature_are_changed_by_arguments() -> None:
    assert _changes("NN307") == [{"model.dropout": 0.2}, {"model.dropout": 0.0}]
    assert _changes("NN307", **{"model.dropout": 0.1}) == []
    # The initialisation belongs to the built-in models.
    assert _changes("NN301") == [{"model.act": "relu"}]
    assert {"model.hidden_size": 256} in _changes("NN104")


def test_built_in_models_have_fields_of_their_own() -> None:
    assert not model_arguments({"model": "mlp", "dropout": 0.0}).by_field
    assert not model_arguments({"model": "missing.py:Net"}).by_field
