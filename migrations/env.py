"""Runs migrations on the connection that nnlab.store passes, in its transaction."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table="nnlab_version",
    transactional_ddl=True,  # true of SQLite, but Alembic's default for it is False
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
