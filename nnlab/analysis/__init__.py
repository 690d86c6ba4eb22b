"""Analysis of stored runs: rankings, significance, effects, remedies, verdicts, lr and decay."""
