"""OData V4 services: the session that every dialect uses.

session    the one way to a service; address, message, repeat, brake, timing: what it consists of
tokens     who koppel is to a service
failure    what went wrong, as koppel's errors
"""
