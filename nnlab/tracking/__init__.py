"""Recording of training loops outside nnlab: the run handle, its writer thread, media and probes.

`nnlab.init` (in `start`) returns a `RunHandle`; adapters for other libraries use only this handle.
Nothing here imports torch unless the recorded program has imported it.
"""
