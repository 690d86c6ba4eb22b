"""`nnlab quiz`: recorded curves to diagnose in class."""
