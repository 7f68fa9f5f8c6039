"""OData V4 services: the session that every dialect uses, and what travels through it.

session    the one way to a service; address, message, repeat, brake, timing: what it consists of
tokens     who koppel is to a service
failure    what went wrong, as koppel's errors
edm        types; decode: pages of JSON to columns, never rounded or guessed; encode: the way back
filter     filters as `$filter`: what can be asked of a service, and why the rest cannot
"""
