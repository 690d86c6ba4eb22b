"""The kinds of figures, one module each: collects from the database what a figure draws."""
