"""`nnlab probe`: the signal in untrained models, the sensitivity of trained ones."""
