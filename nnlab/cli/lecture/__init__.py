"""`nnlab lecture`: the list of lines, one line, and the course."""
