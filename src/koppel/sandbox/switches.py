"""The points of the protocols nobody has settled, each a switch (wire 6): a connector must do under every setting."""

from dataclasses import dataclass
from enum import StrEnum

from koppel.sandbox.bodies import Status


class ExpiredDelta(StrEnum):
    """What a delta token that is too old is answered with."""

    REFUSED = "refused"
    EVERYTHING = "everything"


@dataclass(frozen=True)
class Switches:
    """Settings of the unsettled points; the defaults are what is most widely reported.

    `expired_delta`, `expired_delta_status`: U1. `accent_sensitive`, `ne_finds_null`: U2. `empty_text_is_null`: U3.
    `recreated_is_deleted_too`: U10, whether a delta tells the deletion of an id that exists again.
    `delete_refused_status`: U11, for a row others refer to. `duplicate_status`: U11, for a key that is taken.
    `english`: whether refusals are in English; codes are the same in every language (wire 1.10).
    """

    expired_delta: ExpiredDelta = ExpiredDelta.REFUSED
    expired_delta_status: Status = 400
    accent_sensitive: bool = True
    ne_finds_null: bool = False
    empty_text_is_null: bool = True
    recreated_is_deleted_too: bool = False
    delete_refused_status: Status = 405
    duplicate_status: Status = 412
    english: bool = True
