"""`nnlab verify`: trains stored runs again and compares."""
