"""What Alembic runs: the migrations, in the transaction it is given."""

from alembic import context

# Batches, because SQLite changes a column only by making its table anew.
context.configure(connection=context.config.attributes["connection"], render_as_batch=True)
context.run_migrations()
