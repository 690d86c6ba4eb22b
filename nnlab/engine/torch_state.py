"""Restores the settings of torch that training changes, for programs that call nnlab."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def restore_torch_state() -> Iterator[None]:
    """Restores torch's threads, determinism, precision and random state at the end of the context.

    nnlab sets them for every run, so the results do not depend on what they were.
    """
    threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    fills_memory = getattr(torch.utils.deterministic, "fill_uninitialized_memory")  # noqa: B009
    benchmark, allows_tf32 = torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32
    precision = torch.get_float32_matmul_precision()
    random_state = torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        # torch.use_deterministic_algorithms would import TorchDynamo, which takes a second.
        torch._C._set_deterministic_algorithms(deterministic, warn_only=warn_only)
        setattr(torch.utils.deterministic, "fill_uninitialized_memory", fills_memory)  # noqa: B010
        torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32 = benchmark, allows_tf32
        torch.set_float32_matmul_precision(precision)
        torch.set_rng_state(random_state)
