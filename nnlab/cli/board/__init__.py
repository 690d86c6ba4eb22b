"""`nnlab board`."""
