"""Refusals of the API: codes to match on, texts that are not (wire 2.8)."""

from uuid import uuid4

from koppel.sandbox import refusal
from koppel.sandbox.business_central.shape import Table

BAD = "BadRequest"
NO_RESOURCE = "BadRequest_ResourceNotFound"
NO_METHOD = "BadRequest_MethodNotAllowed"
NOT_IMPLEMENTED = "BadRequest_MethodNotImplemented"
NO_TOKEN = "BadRequest_InvalidToken"
DATA_INVALID = "RequestDataInvalid"
CREDENTIALS = "Authentication_InvalidCredentials"
CHANGED = "Request_EntityChanged"
NO_RECORD = "Internal_RecordNotFound"
NO_COMPANY = "Internal_CompanyNotFound"
NO_ENVIRONMENT = "NoEnvironment"
RELATION = "Internal_InvalidTableRelation"
SAME_KEY = "Internal_EntityWithSameKeyExists"
SERVER = "Internal_ServerError"
DIALOG = "Application_DialogException"
FIELD = "Application_FieldValidationException"
TOO_LONG = "Application_StringExceededLength"
TOO_MANY = "Application_TooManyRequests"

APPLICATION = "Base Application"
"""What the tables of the standard pages belong to."""


class Refusal(refusal.Refusal):
    """A refusal; its text ends with the correlation id, as all of them do."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, code, f"{message}  CorrelationId:  {uuid4()}.")


def bad(message: str, code: str = BAD) -> Refusal:
    """The call itself is wrong, or a rule of the application says no."""
    return Refusal(400, code, message)


def no_resource(segment: str) -> Refusal:
    """The path names something that is not there."""
    return Refusal(404, NO_RESOURCE, f"Resource not found for the segment '{segment}'.")


def no_method(message: str = "Entity does not support this method.") -> Refusal:
    """What is named is there, but not for this."""
    return Refusal(405, NO_METHOD, message)


def not_permitted(table: Table, right: str) -> Refusal:
    """A right on a table is missing: the status tells it, the code is that of anything that goes wrong, and of the text
    only what stands in parentheses is the same in every language (as published by people who met it, not in the wire
    report).
    """
    what = f"TableData {table.number} {table.name} {right}: {APPLICATION}"
    return Refusal(403, SERVER, f"Sorry, the current permissions prevented the action. ({what})")


def missing(table: Table, row_id: str) -> Refusal:
    """There is no such row."""
    text = f"The {table.name} does not exist. Identification fields and values: SystemId='{row_id}'"
    return Refusal(404, NO_RECORD, text)
