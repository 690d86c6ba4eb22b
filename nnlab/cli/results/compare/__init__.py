"""`nnlab compare`: rankings of trials as tables."""
