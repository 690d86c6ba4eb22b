"""`nnlab compare`: rankings of trials and tables for papers."""
