"""Memory: how much was held at most, and whether an error says that there was too little."""

import sys

import torch

# How torch's allocator on the processor says it, which raises no error of its own.
_CPU_ALLOCATOR_NAME = "DefaultCPUAllocator"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory was short."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and _CPU_ALLOCATOR_NAME in str(error)
    )


def peak_bytes() -> int:
    """The most memory that this process has held: on a GPU where it used one, else its own."""
    if torch.cuda.is_available() and (
        peak := max(map(torch.cuda.max_memory_reserved, range(torch.cuda.device_count())))
    ):
        return peak
    try:
        import resource
    except ImportError:  # Windows has no such thing
        return 0
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
