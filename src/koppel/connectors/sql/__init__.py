"""Databases as systems; SQLite now. `open_system` is the door, everything else is behind `koppel.ports`.

system    opens a database: connections, identity, tables
reflect   what a table is: kinds, key, change stamp (ddl reads what PRAGMAs leave out)
stamps    date-times as text: their form, and the change stamp
decode    stored values to canonical columns, never rounded or guessed; encode: the way back
read, find, write    the five methods of a table
"""

from koppel.connectors.sql.system import open_system

__all__ = ["open_system"]
