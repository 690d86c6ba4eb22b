"""Nothing of torch's compiler is loaded for a run that does not compile."""

import subprocess
import sys

import pytest
import torch

from nnlab.engine.dynamo_bypass import unwrapped_step

CODE = """
import sys
from nnlab.config import RunConfig, resolve
from nnlab.engine.data import facts
from nnlab.engine.loop import start, train
from nnlab.engine.batched.batched_runs import Stack
config = resolve(RunConfig(data="iris", epochs=2, device="cpu"), facts("iris"))
{body}
print([name for name in ("torch._dynamo", "torch._inductor", "sympy") if name in sys.modules])
"""


def test_a_step_without_torchs_wrapping_is_the_same_step() -> None:
    draw = torch.Generator().manual_seed(0)
    given, gradient = torch.randn(5, generator=draw), torch.randn(5, generator=draw)
    found = []
    for bare in (False, True):
        weights = torch.nn.Parameter(given.clone())
        optimizer = torch.optim.Adam([weights], lr=0.1, weight_decay=0.01)
        step = unwrapped_step(optimizer) if bare else optimizer.step
        for _ in range(3):
            weights.grad = gradient.clone()
            step()
        found.append(weights.detach())
    assert torch.equal(*found)


@pytest.mark.parametrize(
    "body",
    ["list(train(start(config)))", "Stack([start(config), start(config)]).train_epoch()"],
    ids=["alone", "stacked"],
)
def test_the_compiler_stays_out(body: str) -> None:
    code = CODE.format(body=body)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"
