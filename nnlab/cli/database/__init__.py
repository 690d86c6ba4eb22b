"""Commands about the database, the data sets and this machine."""
