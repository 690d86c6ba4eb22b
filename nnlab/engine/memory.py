"""Memory use: the peak of this process, and detection of out-of-memory errors."""

import sys

import torch

# Named in the RuntimeError of torch's CPU allocator, which has no exception class of its own.
_CPU_ALLOCATOR_NAME = "DefaultCPUAllocator"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory was exhausted."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and _CPU_ALLOCATOR_NAME in str(error)
    )


def peak_bytes() -> int:
    """The peak memory of this process in bytes: on the GPU if it used one, else on the host."""
    if torch.cuda.is_available() and (
        peak := max(map(torch.cuda.max_memory_reserved, range(torch.cuda.device_count())))
    ):
        return peak
    try:
        import resource
    except ImportError:  # Windows lacks this module
        return 0
    # Linux reports KiB, macOS bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
