"""`nnlab remedy`: remedies trained beside the original run."""
