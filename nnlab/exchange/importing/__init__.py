"""The import of logged runs: their names, settings and samples become runs of the database."""
