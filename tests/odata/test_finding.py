"""Look-ups: what a service is asked, and what is read because nothing that can be asked finds it for sure."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

import httpx2
import polars as pl
import pytest
import sqlalchemy as sa

from koppel.connectors.agreed.names import BLANKS
from koppel.connectors.odata.filter import Manners
from koppel.model.values import OP
from koppel.ports import TableOptions
from tests.odata.server import CUSTOMERS, Server
from tests.odata.service import answer, fault
from tests.odata.test_table import uid

EXACT, COARSE = Manners(exact_text=True), Manners()


@pytest.fixture
def server() -> Iterator[Server]:
    """Four customers."""
    made = Server()
    for number, name in enumerate(["Acme", " acme\u3000", "Acme B.V.", "ACME"], 1):
        values = {"no": f"C{number}", "name": name, "credit": Decimal(number), "rank": "low" if number < 3 else "high"}
        made.put(CUSTOMERS, id=uid(number), **values)
    yield made
    made.engine.dispose()


def look(
    server: Server, manners: Manners, ignore_case: bool = False, **keys: object
) -> tuple[list[int], list[str | None]]:
    """The numbers of the records found for one key, and the conditions that were asked; None: everything."""
    server.exact = manners.exact_text
    table = server.system(manners=manners).table("customers", TableOptions())
    server.asked.clear()
    types = {"credit": pl.Decimal(38, 4)}
    frame = pl.DataFrame({OP: [1], **{name: [value] for name, value in keys.items()}})
    found = table.find(frame.cast({name: types[name] for name in keys if name in types}), ignore_case)
    ids = {uid(number): number for number in range(1, 9)}
    conditions = [line.partition("$filter=")[2] or None for line in server.asked]
    return sorted(ids[id_] for id_ in found["@id"]), conditions


def test_the_blanks_are_those_that_polars_strips() -> None:
    """All connectors agree about what surrounds a text (ports)."""
    letters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    stripped = pl.Series(letters).str.strip_chars()
    assert {letter for letter, left in zip(letters, stripped, strict=True) if not left} == set(BLANKS)


def test_a_service_that_compares_exactly_is_asked_for_the_text_and_for_blanks_around_one(server: Server) -> None:
    found, (condition,) = look(server, EXACT, name="acme")
    assert found == [2]
    assert condition is not None and condition.startswith("name eq 'acme' or startswith(name,'\t')")
    assert condition.count("startswith") == condition.count("endswith") == len(BLANKS)


def test_of_any_other_service_it_is_sure_only_that_a_text_contains_itself(server: Server) -> None:
    """It may find more; koppel compares again."""
    assert look(server, COARSE, name="Acme") == ([1], ["contains(name,'Acme')"])
    assert look(server, COARSE, name="O'Brien") == ([], ["contains(name,'O''Brien')"])


@pytest.mark.parametrize("manners", [EXACT, COARSE], ids=["exact", "coarse"])
def test_what_is_read_whole(server: Server, manners: Manners) -> None:
    """No service is known to fold case as koppel does; and some texts would be taken for patterns, or are too long."""
    assert look(server, manners, ignore_case=True, name="ACME") == ([1, 2, 4], [None])
    for text in ("a[b]c", "a\\b", "a\tb", "x" * 5000):
        assert look(server, manners, name=text) == ([], [None]), text


@pytest.mark.parametrize("manners", [EXACT, COARSE], ids=["exact", "coarse"])
def test_numbers_and_choices_are_asked_of_every_service(server: Server, manners: Manners) -> None:
    """Of a key of several fields those that can be asked, whatever the others are."""
    assert look(server, manners, credit=Decimal(2)) == ([2], ["credit eq 2"])
    assert look(server, manners, rank="high") == ([3, 4], ["rank eq demo.Rank'high'"])
    assert look(server, manners, rank="none") == ([], []), "no record can be of another choice"
    assert look(server, manners, ignore_case=True, name="acme", credit=Decimal(4)) == ([4], ["credit eq 4"])


@pytest.mark.parametrize("status", [400, 501])
def test_a_service_that_does_not_take_the_question_is_read(
    server: Server, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """Not every service knows every function; a job does not end for it."""
    read = server._read

    def plainly(table: sa.Table, options: Mapping[str, str]) -> httpx2.Response:
        return answer(status, fault("x", "no such function")) if "$filter" in options else read(table, options)

    monkeypatch.setattr(server, "_read", plainly)
    assert look(server, COARSE, name="Acme") == ([1], ["contains(name,'Acme')", None])


def test_many_keys_are_asked_for_in_addresses_of_bounded_length(server: Server) -> None:
    table = server.system(manners=EXACT).table("customers", TableOptions())
    server.asked.clear()
    keys = pl.DataFrame({OP: range(500), "no": [f"C{number}" for number in range(500)]})
    assert sorted(table.find(keys, False).rows()) == [(number, uid(number)) for number in range(1, 5)]
    assert 1 < len(server.asked) < 10
    assert max(map(len, server.asked)) < 4500
