"""torch's compiler is not imported by a run that does not compile."""

import subprocess
import sys

import pytest
import torch

from nnlab.engine.dynamo_bypass import unwrapped_step

CODE = """
import sys
from nnlab.settings import RunConfig, resolve
from nnlab.engine.data import dataset_facts
from nnlab.engine.loop import build_session, train
from nnlab.engine.batched.batched_runs import BatchedRuns
config = resolve(RunConfig(data="iris", epochs=2, device="cpu"), dataset_facts("iris"))
{body}
print([name for name in ("torch._dynamo", "torch._inductor", "sympy") if name in sys.modules])
"""


def test_the_unwrapped_step_equals_the_wrapped_step() -> None:
    generator = torch.Generator().manual_seed(0)
    initial, gradient = torch.randn(5, generator=generator), torch.randn(5, generator=generator)
    results = []
    for unwrapped in (False, True):
        weights = torch.nn.Parameter(initial.clone())
        optimizer = torch.optim.Adam([weights], lr=0.1, weight_decay=0.01)
        step = unwrapped_step(optimizer) if unwrapped else optimizer.step
        for _ in range(3):
            weights.grad = gradient.clone()
            step()
        results.append(weights.detach())
    assert torch.equal(*results)


@pytest.mark.parametrize(
    "body",
    [
        "list(train(build_session(config)))",
        "BatchedRuns([build_session(config), build_session(config)]).train_epoch()",
    ],
    ids=["alone", "stacked"],
)
def test_the_compiler_is_not_imported(body: str) -> None:
    code = CODE.format(body=body)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"
