"""OData V4 services: the session that every dialect uses, and tables from `$metadata`.

session    the one way to a service; address, network, message, repeat, brake, timing: what it consists of
batch      many requests in one, matched by id; parting: how many rows go together, fewer after a failure
tokens     who koppel is to a service
failure    what went wrong, as koppel's errors
edm        types; decode: pages of JSON to columns, never rounded or guessed; encode: the way back
filter     filters as `$filter`: what can be asked of a service, and why the rest cannot
stamps     change stamps: which field is one, and asking by it
finding    looking up by value: what can be asked, and what has to be read
csdl       `$metadata` to what tables look like
opening    from a url and a way to sign in to a system
system, table, reading, writing    an entity set behind `koppel.ports`; answered: the records in answers to a write
"""

from koppel.connectors.odata.opening import open_system

__all__ = ["open_system"]
