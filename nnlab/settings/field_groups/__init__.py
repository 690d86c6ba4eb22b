"""The fields of RunConfig in groups, one module per panel of the help page."""
