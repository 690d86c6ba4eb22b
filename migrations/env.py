"""Runs migrations on the connection that nnlab.store.upgrade hands over, in its transaction."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table="nnlab_version",
    transactional_ddl=True,  # SQLite's is; Alembic assumes the opposite
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
