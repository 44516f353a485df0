"""Alembic's entry: runs the migrations on the connection that `store.migrate` opened."""

from alembic import context

from sessionary.store.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
