"""Dataverse: tables of an environment over its Web API, on top of the OData session.

metadata, columns, definition    what the service tells of a table, what koppel makes of it
multipart, calls                 many requests in one; reading, also with long addresses
source, showing                  rows: pages, by id; from what they hold to what fields mean
tracking                         what changed, with deletions, as long as a link is good
finding                          rows by value, asked of the service and compared here
fitting, targets, bodies         what a write sends, and what would not fit
answers, sending, writing        new rows in bulk, the others under their version, many in one batch
opening, system, table           an environment and its tables behind `koppel.ports`
"""

from koppel.connectors.dataverse.opening import open_system

__all__ = ["open_system"]
