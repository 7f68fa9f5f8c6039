"""The Web API of one environment: who calls, and what is called (wire 1.1, 5.2)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from koppel.sandbox.dataverse import batch as batches
from koppel.sandbox.dataverse.addresses import BASE, address, no_segment, parted, table_of
from koppel.sandbox.dataverse.body import Author
from koppel.sandbox.dataverse.bulk import PREFIX, bulk
from koppel.sandbox.dataverse.bulk_delete import Job, bulk_delete, run_due
from koppel.sandbox.dataverse.created import posted
from koppel.sandbox.dataverse.environment import Environment
from koppel.sandbox.dataverse.limits import Limits
from koppel.sandbox.dataverse.messages import message_filters
from koppel.sandbox.dataverse.metadata import csdl, definitions
from koppel.sandbox.dataverse.metadata_changes import History, metadata_changes
from koppel.sandbox.dataverse.one_row import delete_row, patch_row, put_column, read_row
from koppel.sandbox.dataverse.options import options_of, prefer_of
from koppel.sandbox.dataverse.questions import demand_access_type, function_of_user, masking_rules
from koppel.sandbox.dataverse.reading import COUNTED, page, wanted_rows
from koppel.sandbox.dataverse.refusal import INVALID, NOT_A_MEMBER, bad
from koppel.sandbox.dataverse.shape import Table
from koppel.sandbox.dataverse.tables import SYSTEMUSER, TABLES
from koppel.sandbox.dataverse.tracking import count_changes, delta_page, tracked_page
from koppel.sandbox.exchange import Call, Reply, json_reply
from koppel.sandbox.paths import segments
from koppel.sandbox.refusal import Refusal
from koppel.sandbox.tokens import Tokens

ORGANISATION = "00000000-0000-4000-8000-000000000001"

ADDRESS, ADDRESS_IN_BATCH = 32 * 1024, 64 * 1024
"""Characters of an address at most (wire 1.2); with which words it refuses a longer one is not known."""


class Dataverse:
    """The Web API of an environment at an address."""

    def __init__(self, url: str, environment: Environment, tokens: Tokens, authorize_url: str) -> None:
        self.url = url
        self.environment = environment
        self.limits = Limits(environment.clock, tokens.holder)
        self._jobs: list[Job] = []
        self._history = History()
        self._tokens = tokens
        self._authorize_url = authorize_url

    def answer(self, call: Call) -> Reply:
        """One call to the service; jobs whose time has come are done before it."""
        run_due(self.environment, self._jobs)
        try:
            self._check_length(call, ADDRESS)
            author = self._author(call)
            reply = author if isinstance(author, Reply) else self._routed(call, author)
        except Refusal as refusal:
            reply = refusal.reply(self.environment.switches.english)
        return replace(reply, headers={**reply.headers, **self.limits.headers(call)})

    def _check_length(self, call: Call, longest: int) -> None:
        if len(self.url + call.target) > longest:
            raise Refusal(414, INVALID, "The request URI is too long.")

    def _author(self, call: Call) -> Author | Reply:
        """The application user of the token; 401 without a valid one, 403 without such a user (wire 1.10,
        4.2.25).
        """
        grant = self._tokens.bearer(call.headers.get("authorization", ""), self.url)
        if grant is None:
            challenge = f"Bearer authorization_uri={self._authorize_url}, resource_id={self.url}/"
            return Reply(401, b"", {"WWW-Authenticate": challenge})
        if (user := self.environment.users.get(grant.client_id)) is None:
            raise Refusal(403, NOT_A_MEMBER, "The user is not a member of the organization.")
        detect = call.headers.get("mscrm.suppressduplicatedetection", "").lower() == "false"
        return Author(user, detect_duplicates=detect)

    def _routed(self, call: Call, author: Author) -> Reply:
        path = call.target.partition("?")[0]
        if not path.startswith(BASE):
            raise no_segment(path)
        parts = segments(path.removeprefix(BASE))
        name, inside = parted(parts[0]) if parts else ("", None)
        services: dict[tuple[str, str], Callable[[], Reply]] = {
            ("GET", ""): self._sets,
            ("GET", "$metadata"): lambda: Reply(200, csdl(self.environment), {"Content-Type": "application/xml"}),
            ("GET", "WhoAmI"): lambda: self._who(author),
            ("GET", "organizations"): self._organizations,
            ("GET", "RetrieveCurrentOrganization"): lambda: self._organisation(inside or "", call),
            ("GET", "attributemaskingrules"): lambda: json_reply(200, masking_rules(self.environment, call.query)),
            ("GET", "sdkmessagefilters"): lambda: json_reply(200, message_filters(call.query)),
            ("GET", "RetrieveMetadataChanges"): lambda: json_reply(
                200, metadata_changes(self.environment, self._history, inside or "", call.query)
            ),
            ("POST", "BulkDelete"): lambda: bulk_delete(self.environment, self._jobs, call.body, author),
            ("POST", "$batch"): lambda: self._batch(call, author),
        }
        if service := services.get((call.method, name)):
            return service()
        if name == "EntityDefinitions" and call.method == "GET":
            return json_reply(200, self._definitions(call, parts))
        table = table_of(name)
        return (
            self._row(call, author, table, inside, parts)
            if inside is not None
            else self._set(call, author, table, parts)
        )

    def _definitions(self, call: Call, parts: list[str]) -> Mapping[str, Any]:
        """Metadata comes from a cache, unless the call asks for `Consistency: Strong` (wire 1.1, 4.2.29)."""
        strong = call.headers.get("consistency", "").lower() == "strong"
        cache = self.environment.metadata
        return cache.get(call.target, strong, lambda: definitions(self.environment, parts, call.query))

    def _set(self, call: Call, author: Author, table: Table, parts: list[str]) -> Reply:
        """A call to a whole set, or to a message or the count of it."""
        rest = parts[1] if len(parts) == 2 else ""
        if call.method == "GET" and rest == "$count":
            return self._count(call, table)
        if call.method == "POST" and rest.startswith(PREFIX):
            return bulk(self.environment, table, rest, call.body, author)
        if len(parts) > 1:
            raise no_segment(parts[1])
        if call.method == "POST":
            return posted(self.environment, table, call, author, self.url)
        if call.method == "GET":
            return self._page(call, table)
        raise _no_method(call)

    def _row(self, call: Call, author: Author, table: Table, inside: str, parts: list[str]) -> Reply:
        where = address(self.environment.rows, table, inside)
        if call.method == "GET" and len(parts) == 2 and table is SYSTEMUSER:
            return json_reply(200, function_of_user(self.environment, parts[1], call.query))
        if call.method == "GET" and len(parts) > 1:
            raise no_segment(parts[1])
        if call.method == "GET":
            return read_row(self.environment, where, call, self.url)
        if call.method == "PATCH" and len(parts) == 1:
            return patch_row(self.environment, where, call, author, self.url)
        if call.method in ("PUT", "DELETE") and len(parts) > 1:
            return put_column(self.environment, where, parts[1:], call, author)
        if call.method == "DELETE":
            return delete_row(self.environment, where, call, author)
        raise _no_method(call)

    def _page(self, call: Call, table: Table) -> Reply:
        options, prefer = options_of(call, table), prefer_of(call.headers)
        link = self.url + call.target
        document: Mapping[str, Any]
        if options.deltatoken:
            document = delta_page(self.environment, table, options, prefer, link)
        elif prefer.track or 'istracking="True"' in options.skiptoken:
            document = tracked_page(self.environment, table, options, prefer, link)
        else:
            document = page(self.environment, table, options, prefer, link)
        return json_reply(200, document, {"OData-Version": "4.0", **prefer.applied})

    def _count(self, call: Call, table: Table) -> Reply:
        """The number as text behind a byte order mark, capped (wire 1.2)."""
        options = options_of(call, table)
        if options.deltatoken:
            number = count_changes(self.environment, table, options)
        else:
            number = min(len(wanted_rows(self.environment, table, options)), COUNTED)
        return Reply(200, f"\ufeff{number}".encode(), {"Content-Type": "text/plain"})

    def _sets(self) -> Reply:
        """The service document: every set there is."""
        sets = [{"name": one.set_name, "kind": "EntitySet", "url": one.set_name} for one in TABLES.values()]
        return json_reply(200, {"@odata.context": f"{self.url}{BASE}$metadata", "value": sets})

    def _who(self, author: Author) -> Reply:
        return json_reply(200, {"UserId": author.user, "OrganizationId": ORGANISATION})

    def _organisation(self, inside: str, call: Call) -> Reply:
        """What is told of the organisation, and of what type it is (wire 5.2)."""
        demand_access_type(inside, call.query)
        detail = {"OrganizationId": ORGANISATION, "OrganizationType": self.environment.type, "State": "Enabled"}
        return json_reply(200, {"Detail": detail})

    def _organizations(self) -> Reply:
        """The one row that says how long deleted rows are kept (wire 1.4), and the base currency."""
        row = {
            "organizationid": ORGANISATION,
            "expirechangetrackingindays": self.environment.delta_days,
            "_basecurrencyid_value": self.environment.base_currency or None,
        }
        return json_reply(200, {"value": [row]})

    def _batch(self, call: Call, author: Author) -> Reply:
        def inner(operation: Call, contents: batches.Contents) -> Reply:
            try:
                self._check_length(operation, ADDRESS_IN_BATCH)
                target = contents.resolve(operation.target).removeprefix(self.url)
                within = replace(author, contents=contents.resolve)
                if target.startswith(f"{BASE}$batch"):
                    raise bad("A batch cannot hold a batch.", INVALID)
                return self._routed(replace(operation, target=target), within)
            except Refusal as refusal:
                return refusal.reply(self.environment.switches.english)

        return batches.batch(self.environment, call, prefer_of(call.headers).go_on, inner)


def _no_method(call: Call) -> Refusal:
    return Refusal(405, INVALID, f"The method {call.method} is not allowed here.")
