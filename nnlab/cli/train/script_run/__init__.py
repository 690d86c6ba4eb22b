"""`nnlab run`: executes a user's script as a study; its options and what is printed."""
