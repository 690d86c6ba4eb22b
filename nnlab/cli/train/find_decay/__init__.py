"""`nnlab find-decay`: a decay proposed from a run without one."""
