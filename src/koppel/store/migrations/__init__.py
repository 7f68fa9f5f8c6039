"""How stores of one revision become stores of the next; Alembic runs `env` with the files of `versions`.

A change of `schema` comes with a new file there and its number in `revision.REVISIONS`; tests/store/test_migrations
compares what both make, in both databases. A revision that was released is never changed.
"""
