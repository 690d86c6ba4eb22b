"""The kinds of figures, one module each: collecting the data from the database, and drawing."""
