"""A database on a PostgreSQL server: the same tables and questions, its own connections."""
