"""One plugin of each kind for nnlab."""
