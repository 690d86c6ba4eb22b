"""`nnlab train`: options, execution, and what is printed while runs train."""
