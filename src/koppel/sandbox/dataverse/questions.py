"""What an application may ask about rights: its privileges, its secured columns, and which of them are masked."""

import re
from collections.abc import Mapping
from json import JSONDecodeError, loads
from typing import Any

from koppel.sandbox.dataverse.addresses import no_segment, parted
from koppel.sandbox.dataverse.environment import Environment
from koppel.sandbox.dataverse.refusal import PAYLOAD, bad
from koppel.sandbox.dataverse.rights import attribute_privileges, held
from koppel.sandbox.dataverse.tables import SYSTEMUSER

_CRM = "Microsoft.Dynamics.CRM."


def function_of_user(environment: Environment, segment: str, query: Mapping[str, str]) -> dict[str, Any]:
    """The answer of a function that is bound to a user. Raises `Refusal`."""
    environment.demand("Read", SYSTEMUSER)
    name, inside = parted(segment)
    match name.removeprefix(_CRM):
        case "RetrievePrincipalAttributePrivileges":
            return attribute_privileges(environment.secured, environment.granted)
        case "RetrieveUserSetOfPrivilegesByNames":
            return held(_names(inside or "", query), environment.withheld)
        case _:
            raise no_segment(segment)


def _names(inside: str, query: Mapping[str, str]) -> list[str]:
    """The names, which come as a parameter alias: `PrivilegeNames=@p`, and `@p` in the query."""
    alias = re.fullmatch(r"PrivilegeNames=(@\w+)", inside)
    try:
        found = loads(query[alias[1]]) if alias else None
    except (KeyError, JSONDecodeError):
        found = None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise bad("The parameter 'PrivilegeNames' must be a list of names.", PAYLOAD)
    return found


def masking_rules(environment: Environment, query: Mapping[str, str]) -> dict[str, Any]:
    """The columns of a table that have a masking rule."""
    named = re.fullmatch(r"entityname eq '(\w+)'", query.get("$filter", ""))
    if named is None:
        raise bad("The sandbox knows one filter only here: entityname eq 'account'.")
    columns = sorted(column for table, column in environment.masked if table == named[1])
    return {"value": [{"attributelogicalname": column} for column in columns]}
