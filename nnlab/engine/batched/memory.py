"""The number of runs that fit into the memory of a device when they are trained together."""

from pathlib import Path

import torch
from torch import nn

from nnlab.engine.batched.optimizer_steps import STATE_NAMES
from nnlab.engine.device import list_devices
from nnlab.engine.hooks import eval_mode, record_outputs
from nnlab.engine.session import Session

# Share of the free memory that is used; other processes need some as well.
FREE_MEMORY_SHARE = 0.5
# An output is kept for the backward pass, has a gradient, and is copied once.
OUTPUT_COPIES = 3
# Values, gradients, a temporary tensor of the update, the weights of the best epoch.
PARAMETER_COPIES = 4

_KIB = 1024


def max_batched_runs(session: Session) -> int:
    """The number of runs like this one that fit into the free memory of its device, at least 1."""
    return max(int(FREE_MEMORY_SHARE * free_bytes(session.device) / estimate_run_bytes(session)), 1)


def estimate_run_bytes(session: Session) -> int:
    """Approximate memory of one batched run in bytes, without the data, which all runs share."""
    weights = sum(p.numel() * p.element_size() for p in session.model.parameters())
    examples = session.data.train.examples[: session.batch_size]
    outputs = _output_bytes(session.model, examples)
    order = len(session.data.train) * (8 + 8 * session.data.num_outputs)
    batch = examples.numel() * examples.element_size()
    rows = PARAMETER_COPIES + len(STATE_NAMES[session.config.opt])
    return rows * weights + OUTPUT_COPIES * (outputs + batch) + order


def free_bytes(device: torch.device) -> int:
    """The free memory of a device, in bytes."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type == "cpu":
        available = _linux_available_bytes()
        if available is not None:
            return available
    return next((d.memory for d in list_devices() if d.name == "cpu" and d.memory), 1 << 32)


def _linux_available_bytes() -> int | None:
    """The memory available on Linux without swapping; None on other systems."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kibibytes = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(kibibytes[0]) * _KIB if kibibytes else None


@torch.no_grad()
def _output_bytes(model: nn.Module, examples: torch.Tensor) -> int:
    """The size of all layer outputs for a batch, in bytes."""
    layers = [module for module in model.modules() if not list(module.children())]
    # In training mode, batch normalisation would update its running statistics.
    with record_outputs(layers) as recorded, eval_mode(model):
        model(examples)
    return sum(outputs.numel() * outputs.element_size() for _, outputs in recorded)
