"""`nnlab watch`: the progress of runs, from another terminal."""
