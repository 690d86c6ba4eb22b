"""`nnlab plot`: a command for each kind of figure."""
