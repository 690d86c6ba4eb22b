"""`nnlab find-lr`: a learning rate from a range test."""
