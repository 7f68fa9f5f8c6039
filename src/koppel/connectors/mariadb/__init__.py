"""MariaDB databases as systems. `open_system` is the door, everything else is behind `koppel.ports`.

system    opens a database: connections, identity, tables
reflect   what a table is: kinds, key, change stamp, from information_schema (catalog asks)
decode    what a page sends to canonical columns, never rounded or guessed; encode: the way back
cursor    the moment up to which no open transaction can hide an edit
filter    the part of a filter that SQL says exactly
read, find, write    the five methods of a table; staging carries the rows of a write, refusal says why one was refused
"""

from koppel.connectors.mariadb.system import open_system

__all__ = ["open_system"]
