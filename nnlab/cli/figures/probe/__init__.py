"""`nnlab probe`: layer outputs of untrained models, sensitivity of trained ones."""
