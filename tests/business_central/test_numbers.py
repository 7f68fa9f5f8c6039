"""Who gives new records their numbers: what a mapping may say, and numbers that koppel reserves from a range."""

import pytest

from koppel.connectors.business_central.table import PageTable
from koppel.errors import ConfigurationError
from koppel.model.numbers import NumberRange, Numbers
from koppel.model.values import KeyOrigin
from koppel.ports import TableOptions
from tests.business_central.erp import Erp, Keeper

RANGE = "reserved K001..K005"


def opened(erp: Erp, said: str, page: str = "customers") -> PageTable:
    return erp.table(page, TableOptions(numbers=Numbers.parse(said)))


def test_a_number_is_reserved_once(erp: Erp) -> None:
    """Whether or not a record gets it."""
    table = opened(erp, RANGE)
    assert (table.describe().key_origin, table.describe().mark) == (KeyOrigin.GENERATED, "number")
    assert table.reserve(2).to_list() == ["K001", "K002"]
    assert opened(erp, RANGE).reserve(1).to_list() == ["K003"]


def test_a_store_that_has_forgotten_does_not_give_a_number_that_is_there(erp: Erp) -> None:
    """The numbers of the system count, but not those that only look like one of the range."""
    for number in ("K002", "K0045", "K00A", "C7"):
        erp.central.others.create("customers", {"displayName": "x", "number": number})
    erp.keeper = Keeper()
    assert opened(erp, RANGE).reserve(2).to_list() == ["K003", "K004"]


def test_a_range_ends(erp: Erp) -> None:
    table = opened(erp, RANGE)
    with pytest.raises(ConfigurationError, match=r"K001\.\.K005 of reserved numbers is used up"):
        table.reserve(6)


@pytest.mark.parametrize(
    ("said", "page", "what"),
    [
        ("client id", "customers", "does not let koppel choose the id"),
        (RANGE, "currencies", "no numbers from a series"),
        ("reserved K00000000000000000001..K99999999999999999999", "customers", "holds 20 characters"),
    ],
)
def test_what_a_page_cannot_is_a_mistake(erp: Erp, said: str, page: str, what: str) -> None:
    with pytest.raises(ConfigurationError, match=what):
        opened(erp, said, page)


@pytest.mark.parametrize("text", ["K1..K05", "K1..L5", "K5..K1", "K..K", "1", ""])
def test_what_is_no_range_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="range"):
        NumberRange.parse(text)


@pytest.mark.parametrize("text", ["series", "client id", "reserved K001..K999"])
def test_a_policy_is_written_as_it_is_read(text: str) -> None:
    assert str(Numbers.parse(text)) == text


def test_pages_of_an_app_take_ids_and_standard_pages_do_not(erp: Erp, app: Erp) -> None:
    """Unless the mapping says otherwise."""
    origins = [each.table().describe().key_origin for each in (erp, app)]
    assert origins == [KeyOrigin.GENERATED, KeyOrigin.CHOSEN]
    assert opened(app, "series").describe().key_origin is KeyOrigin.GENERATED
