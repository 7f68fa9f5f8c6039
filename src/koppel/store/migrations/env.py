"""What Alembic runs: the migrations, in the transaction it is given."""

from alembic import context

connection = context.config.attributes["connection"]
postgresql = connection.dialect.name == "postgresql"
context.configure(
    connection=connection,
    # Somebody else's revision may stand in another schema of the search path.
    version_table_schema=connection.dialect.default_schema_name if postgresql else None,
    render_as_batch=True,  # SQLite changes a column only by making its table anew
)
context.run_migrations()
