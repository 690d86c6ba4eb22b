"""Commands that list what nnlab and this machine offer."""
