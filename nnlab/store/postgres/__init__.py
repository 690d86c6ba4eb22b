"""A results database on a PostgreSQL server: its connections, adapters and error messages."""
