"""Refusals of the Web API: a status and a body with a code, which is what callers match on (wire 1.10)."""

from koppel.sandbox.refusal import Refusal

PAYLOAD = "0x80048d19"
INVALID = "0x80040203"
TOO_LONG = "0x80044331"
INTEGER_RANGE = "0x8004432F"
NUMBER_RANGE = "0x80044330"
CHOICE = "0x8004431A"
STATE = "0x80048408"
BATCH = "0x80060888"
NOT_A_MEMBER = "0x80072560"
DENIED = "0x80040220"
MISSING = "0x80040217"
MISSING_KEY = "0x80060891"
NO_SEGMENT = "0x8006088a"
ASSOCIATED = "0x80040227"
STALE = "0x80060882"
DUPLICATE_ID = "0x80040237"
DUPLICATE_KEY = "0x80060892"
DUPLICATE_FOUND = "0x80040333"
EXPIRED_DELTA = "0x80044352"


def bad(message: str, code: str = INVALID) -> Refusal:
    """The call itself is wrong."""
    return Refusal(400, code, message)


def missing(table: str, row_id: str) -> Refusal:
    """There is no such row."""
    return Refusal(404, MISSING, f"Entity '{table}' With Id = {row_id} Does Not Exist")


def undeclared(table: str, name: str) -> Refusal:
    """The body names a property the type does not have."""
    text = f"The property '{name}' does not exist on type 'Microsoft.Dynamics.CRM.{table}'."
    return bad(f"Error identified in Payload provided by the user for Entity :'{table}'. {text}", PAYLOAD)
