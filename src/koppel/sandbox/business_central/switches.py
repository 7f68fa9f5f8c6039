"""The points of the API nobody has settled, each a switch (wire 6): a connector must do under every setting."""

from dataclasses import dataclass
from enum import StrEnum

from koppel.sandbox.bodies import Status


class ClientId(StrEnum):
    """What becomes of the id a client chooses for a row of a standard page."""

    READ_ONLY = "read-only"
    IGNORED = "ignored"
    ACCEPTED = "accepted"


class BlankMember(StrEnum):
    """The spellings of the blank member of an enum that a write may use."""

    BOTH = "both"
    ENCODED = "encoded"
    BLANK = "blank"
    REFUSED = "refused"


BLANK_ENCODED = "_x0020_"


@dataclass(frozen=True)
class Switches:
    """Settings of the unsettled points; the defaults are the stricter or the better attested ones.

    `delete_needs_match`: U4. `client_id`: U5. `blank_member_written`, `blank_member_shown`: U6.
    `duplicate_key_status`: U7. `top_continues`: U8, whether a `$top` beyond a page has a link to the rest.
    `webhooks_for_people`: U9, whether contacts and salespeople are among the resources with webhooks.
    `stale_status`: 409 or 412 (wire 2.4). `enum_filtered`: whether a filter may name an enum, `variables_filtered`:
    whether it may name what a page works out, `or_refused_status`: for two fields in one `or` (wire 2.3).
    `post_code_fills`: whether post codes and cities fill one another; the published code of the base application does
    so only where there is a person to ask. `locked_status`: 400 or 500, for a table that another session holds (wire
    2.8). `english`: whether whoever asks for texts in English gets them (wire 2.3).
    """

    delete_needs_match: bool = True
    client_id: ClientId = ClientId.READ_ONLY
    blank_member_written: BlankMember = BlankMember.BOTH
    blank_member_shown: str = BLANK_ENCODED
    duplicate_key_status: Status = 400
    top_continues: bool = True
    webhooks_for_people: bool = False
    stale_status: Status = 409
    enum_filtered: bool = True
    variables_filtered: bool = False
    or_refused_status: Status = 400
    post_code_fills: bool = True
    locked_status: int = 400
    english: bool = True
