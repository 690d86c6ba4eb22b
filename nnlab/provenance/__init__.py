"""Where a run comes from: machine, packages, git state and command line."""
