"""`nnlab import`: reads the logs of other tools into the database."""
