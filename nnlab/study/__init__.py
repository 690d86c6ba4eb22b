"""Studies: from a request to a specification, its runs in the queue, and their execution."""
