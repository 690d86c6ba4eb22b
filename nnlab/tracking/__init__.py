"""Recording of training loops outside nnlab: the run handle, its writer thread, live metrics."""
