"""Simulated rankings: error rates, power and coverage of the comparisons of `nnlab compare`."""
