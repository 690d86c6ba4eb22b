"""How many runs a device has the memory for."""

from pathlib import Path

import torch
from torch import nn

from nnlab.engine.batched.optimizer_steps import STATE_NAMES
from nnlab.engine.device import list_devices
from nnlab.engine.hooks import eval_mode, record_outputs
from nnlab.engine.session import Session

# Of what is free now: other processes want some as well.
FREE_MEMORY_SHARE = 0.5
# An output is kept for the backward pass, has a gradient, and is copied on its way once.
OUTPUT_COPIES = 3
# Values, gradients, a temporary of an update, the weights of the best epoch.
PARAMETER_COPIES = 4

_KIB = 1024


def max_batched_runs(session: Session) -> int:
    """How many runs like this one fit into the free memory of its device, at least one."""
    return max(int(FREE_MEMORY_SHARE * free_bytes(session.device) / estimate_run_bytes(session)), 1)


def estimate_run_bytes(session: Session) -> int:
    """About what a run adds to a stack, without the data, which all share."""
    weights = sum(p.numel() * p.element_size() for p in session.model.parameters())
    examples = session.data.train.examples[: session.batch_size]
    outputs = _output_bytes(session.model, examples)
    order = len(session.data.train) * (8 + 8 * session.data.outputs)
    batch = examples.numel() * examples.element_size()
    rows = PARAMETER_COPIES + len(STATE_NAMES[session.config.opt])
    return rows * weights + OUTPUT_COPIES * (outputs + batch) + order


def free_bytes(device: torch.device) -> int:
    """The memory of a device that is free now."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type == "cpu":
        available = _linux_available_bytes()
        if available is not None:
            return available
    return next((i.memory for i in list_devices() if i.name == "cpu" and i.memory), 1 << 32)


def _linux_available_bytes() -> int | None:
    """What Linux could give without swapping; None elsewhere."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) * _KIB if found else None


@torch.no_grad()
def _output_bytes(model: nn.Module, examples: torch.Tensor) -> int:
    """What the layers put out for a batch, all together."""
    layers = [module for module in model.modules() if not list(module.children())]
    # In training mode a normalisation would remember what it met.
    with record_outputs(layers) as found, eval_mode(model):
        model(examples)
    return sum(outputs.numel() * outputs.element_size() for _, outputs in found)
