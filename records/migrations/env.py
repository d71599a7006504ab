"""Run by Alembic inside `records.store`: the connection is handed in, no file of its own is read."""

from alembic import context

from records.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
