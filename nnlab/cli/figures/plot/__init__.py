"""`nnlab plot`: one command for each kind of figure."""
