"""The sensitivity of a stored run, compared to its own loss and to the exact Hessian of a linear
model.
"""

from pathlib import Path

import pytest
import torch
from torch.nn import functional

from nnlab import store
from nnlab.analysis.sensitivity import measure_sensitivity
from nnlab.cli.main import main
from nnlab.engine import transfer
from nnlab.engine.session import build_session
from nnlab.settings import config_of
from nnlab.workers.initial_weights import find_initial_weights

EXAMPLES = 40


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> store.Database:
    """One linear model trained on iris, in double precision."""
    monkeypatch.chdir(tmp_path)
    words = ["--data", "iris", "--model", "linear", "--dtype", "float64", "--epochs", "3", "-q"]
    assert main(["train", *words]) == 0
    return store.open_database("runs.db", write=False)


def test_slices_meet_where_the_run_ended_and_curvature_is_that_of_its_loss(
    db: store.Database,
) -> None:
    (run,) = store.runs(db)
    sensitivity = measure_sensitivity(db, run, examples=EXAMPLES, grid=5, directions=3)
    assert sensitivity.examples == EXAMPLES
    assert sensitivity.steps == (-1.0, -0.5, 0.0, 0.5, 1.0)
    assert len(sensitivity.lines) == 3
    for line in sensitivity.lines:
        assert line[2] == pytest.approx(sensitivity.loss, rel=1e-9)
    # The plane's axes are the first two lines: rows go along the second, columns along the first.
    assert sensitivity.surface[2] == pytest.approx(sensitivity.lines[0], rel=1e-9)
    assert [row[2] for row in sensitivity.surface] == pytest.approx(sensitivity.lines[1], rel=1e-9)

    saved = transfer.read_weights(
        Path(find_initial_weights(db, str(run.id)).for_seed(run.known_seed).path)
    )
    part = build_session(config_of(run.trial.setting, run.known_seed)).data.train
    x, y = part.examples[:EXAMPLES], part.targets[:EXAMPLES]

    def loss(flat: torch.Tensor) -> torch.Tensor:
        pieces = torch.split(flat, [value.numel() for value in saved.values()])
        tensors = (p.view_as(v) for p, v in zip(pieces, saved.values(), strict=True))
        matrix, bias = sorted(tensors, key=lambda tensor: -tensor.ndim)
        return functional.cross_entropy(functional.linear(x.flatten(1), matrix, bias), y)

    flat = torch.cat([value.flatten() for value in saved.values()]).requires_grad_()
    (slope,) = torch.autograd.grad(loss(flat), flat)
    hessian = torch.autograd.functional.hessian(loss, flat)  # type: ignore[no-untyped-call]
    assert sensitivity.loss == pytest.approx(loss(flat).item(), rel=1e-9)
    assert sensitivity.gradient_norm == pytest.approx(slope.norm().item(), rel=1e-9)
    assert sensitivity.converged
    assert sensitivity.eigenvalue == pytest.approx(
        torch.linalg.eigvalsh(hessian)[-1].item(), rel=1e-2
    )
    assert sensitivity.rise > 0
