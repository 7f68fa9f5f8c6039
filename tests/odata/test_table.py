"""Entity sets as tables: what `$metadata` says, what is read, what became of each row that was written."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx2
import polars as pl
import pytest

from koppel.connectors.odata.csdl import entity_sets
from koppel.connectors.odata.filter import Manners, to_odata
from koppel.connectors.odata.table import OdataTable
from koppel.errors import BadAnswer, ConfigurationError, Throttled
from koppel.model.filter import Compare, Comparison
from koppel.model.values import FAULT, ID, OP, VERSION, FieldShape, KeyOrigin, Kind
from koppel.model.write import CODE, MESSAGE, Outcome, WriteKind
from koppel.ports import Feed, TableOptions, Want
from koppel.testing.stage import fetched, named, written
from tests.odata.server import CUSTOMERS, LINES, METADATA, Cut, Server, moment


@pytest.fixture
def server() -> Iterator[Server]:
    """An empty service."""
    made = Server()
    yield made
    made.engine.dispose()


class Stage:
    """The part of a stage that `written` needs."""

    def now(self) -> object:
        return moment(0)


STAGE: Any = Stage()


def uid(number: int) -> str:
    return str(UUID(int=number))


def customers(server: Server, lanes: int = 1) -> OdataTable:
    return server.system(lanes).table("customers", TableOptions())


def some(server: Server, count: int) -> OdataTable:
    for number in range(1, count + 1):
        server.put(CUSTOMERS, id=uid(number), no=f"C{number}", name=f"n{number}", credit=Decimal(number))
    return customers(server)


# ---- what it is


def test_a_table_is_what_metadata_says(server: Server) -> None:
    """Inherited key, enumerations, type definitions, computed properties; what cannot be carried is not there."""
    system = server.system()
    assert system.tables() == ("customers", "lines")
    shape = customers(server).describe()
    assert shape.fields == (
        FieldShape("id", Kind.UUID, nullable=False),
        FieldShape("modified", Kind.DATETIME, read_only=True),
        FieldShape("no", Kind.TEXT, length=20),
        FieldShape("name", Kind.TEXT, nullable=False),
        FieldShape("credit", Kind.DECIMAL, scale=4),
        FieldShape("rank", Kind.CHOICE, choices=("low", "high")),
    )
    assert (shape.key, shape.key_origin, shape.modified) == (("id",), KeyOrigin.CHOSEN, "modified")
    assert shape.granularity == timedelta(milliseconds=1)


def test_an_enumeration_is_named_in_full_in_a_question(server: Server) -> None:
    """Found by the contract: `$metadata` may name it by an alias, which addresses need not know."""
    aliased = METADATA.replace(b'Type="demo.Rank"', b'Type="Self.Rank"')
    rank = entity_sets("erp", aliased)["customers"].properties["rank"]
    asked = to_odata(Compare("rank", Comparison.EQUAL, "low"), {"rank": rank}, Manners())
    assert asked == "rank eq demo.Rank'low'"


@pytest.mark.parametrize("encoding", ["foo", "utf-16"])
def test_metadata_in_an_encoding_that_nobody_knows_is_a_bad_answer(encoding: str) -> None:
    with pytest.raises(BadAnswer, match="not the XML it should be"):
        entity_sets("erp", f'<?xml version="1.0" encoding="{encoding}"?><a/>'.encode())


def test_metadata_is_read_once(server: Server) -> None:
    system = server.system()
    system.tables()
    system.table("customers", TableOptions())
    system.table("lines", TableOptions())
    assert server.asked == ["GET $metadata"]


def test_features_are_said_honestly(server: Server) -> None:
    with_etags, without = customers(server), server.system().table("lines", TableOptions())
    assert (with_etags.features.feed, without.features.feed) == (Feed.MODIFIED_ON, Feed.FULL)
    assert with_etags.features.conditional_writes and not with_etags.features.caveat
    assert not without.features.conditional_writes and "etag" in without.features.caveat


@pytest.mark.parametrize(
    ("name", "options", "what"),
    [
        ("customer", TableOptions(), "did you mean customers"),
        ("customers", TableOptions(key=("no",)), "addressed by id"),
        ("customers", TableOptions(modified="name"), "cannot be a change stamp"),
        ("customers", TableOptions(modified="nmae"), "did you mean name"),
    ],
)
def test_options_that_do_not_fit_are_a_mistake_of_the_configuration(
    server: Server, name: str, options: TableOptions, what: str
) -> None:
    with pytest.raises(ConfigurationError, match=what):
        server.system().table(name, options)


def test_a_document_with_entities_of_its_own_is_refused(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    """XML that grows when it is read."""
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]><x>&a;</x>'
    monkeypatch.setattr("tests.odata.server.METADATA", bomb)
    with pytest.raises(BadAnswer, match="metadata"):
        server.system().tables()


# ---- reading


def test_all_records_page_by_page(server: Server) -> None:
    """wire 3.3: relative links, several pages."""
    table = some(server, 7)
    server.page_rows = 3
    changes = table.changes(None, Want(("name", "credit")))
    frame = pl.concat(changes.pages)
    assert changes.complete and frame.columns == [ID, VERSION, FAULT, "name", "credit"]
    assert frame["name"].to_list() == [f"n{number}" for number in range(1, 8)]
    assert frame[VERSION][0] == '2026-03-01 09:00:00.000000#W/"1"'


def test_the_cursor_is_taken_before_the_first_read(server: Server) -> None:
    """DESIGN 5; and it is the service's clock, of which the lag is taken off."""
    table = some(server, 3)
    first = table.changes(None, Want(("name",)))
    server.time.passed = 500
    server.edit(uid(2), name="new")
    assert len(named(first)) == 3
    second = table.changes(first.cursor, Want(("name",)))
    assert not second.complete and named(second) == [uid(1), uid(2), uid(3)], "within the lag of a minute"
    third = table.changes(second.cursor, Want(("name",)))
    assert named(third) == [uid(2)]
    server.time.passed = 1000
    assert named(table.changes(table.changes(None, Want(())).cursor, Want(()))) == []


def test_a_filter_is_pushed_down(server: Server) -> None:
    table = some(server, 3)
    changes = table.changes(None, Want(("name",), Compare("credit", Comparison.GREATER, 1)))
    assert named(changes) == [uid(2), uid(3)]
    assert server.asked[-1].endswith("$filter=credit gt 1")


def test_many_records_are_fetched_in_addresses_of_bounded_length(server: Server) -> None:
    table = some(server, 200)
    wanted = [uid(number) for number in range(1, 301)]
    found = fetched(table, [*wanted, *wanted, "no uuid", "'", ""], "name")
    assert sorted(found) == wanted[:200]
    assert max(map(len, server.asked)) < 4500


def test_records_with_several_keys(server: Server) -> None:
    for order, line in [("a|b", 1), ("O'B & c/d", 2), ("x", 3)]:
        server.put(LINES, order=order, line=line, text="t")
    table = server.system().table("lines", TableOptions())
    ids = named(table.changes(None, Want(())))
    assert sorted(ids) == ["O'B & c/d|2", "a\\|b|1", "x|3"]
    assert sorted(fetched(table, [*ids, "x|4", "x", "x|y"], "text")) == sorted(ids)
    outcome = written(STAGE, table, WriteKind.UPDATE, [{"id": "O'B & c/d|2", "text": "new"}])
    assert outcome[0][CODE] == Outcome.WRITTEN
    assert fetched(table, ["O'B & c/d|2"], "text")["O'B & c/d|2"]["text"] == "new"


def test_a_record_that_cannot_be_read_has_a_fault(server: Server) -> None:
    table = some(server, 2)
    server.spoil[uid(1)] = f'{{"id": "{uid(1)}", "modified": null, "name": 7}}'
    assert [row[FAULT] for row in fetched(table, [uid(1), uid(2)], "name").values()] == ["name: not_of_its_type", None]


def test_pages_that_lead_round_in_a_circle_end(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    table = some(server, 2)
    circle = httpx2.Response(200, json={"value": [], "@odata.nextLink": "customers?$skiptoken=1"})
    monkeypatch.setattr(server, "_read", lambda table, options: circle)
    with pytest.raises(BadAnswer, match="circle"):
        list(table.changes(None, Want(())).pages)


def test_a_look_up_compares_as_koppel_does(server: Server) -> None:
    server.put(CUSTOMERS, id=uid(1), no=" É1 ", name="a")
    server.put(CUSTOMERS, id=uid(2), no="é1", name="b")
    server.put(CUSTOMERS, id=uid(3), no=None, name="c")
    table = customers(server)
    keys = pl.DataFrame({OP: [1, 2, 3], "no": ["é1", "", None]}, schema={OP: pl.Int64, "no": pl.String})
    assert sorted(table.find(keys, ignore_case=True).rows()) == [(1, uid(1)), (1, uid(2))]
    assert table.find(keys, ignore_case=False).rows() == [(1, uid(2))]


# ---- writing


def test_a_new_record_has_the_id_that_koppel_chose(server: Server) -> None:
    row = {"id": uid(7), "no": "C7", "name": "O'Brien", "credit": Decimal("12.5000"), "rank": "low"}
    outcome = written(STAGE, customers(server), WriteKind.CREATE, [row], want=["credit", "name"])[0]
    assert (outcome[CODE], outcome[ID], outcome["credit"], outcome["name"]) == (
        Outcome.WRITTEN,
        uid(7),
        Decimal("12.5"),
        "O'Brien",
    )
    assert outcome[VERSION] == '2026-03-01 09:00:00.000000#W/"1"'
    assert server.rows()[0]["credit"] == Decimal("12.5")


def test_only_what_is_sent_is_written(server: Server) -> None:
    table = some(server, 1)
    outcome = written(STAGE, table, WriteKind.UPDATE, [{"id": uid(1), "credit": None}], want=["name", "credit"])[0]
    assert (outcome[CODE], outcome["name"], outcome["credit"]) == (Outcome.WRITTEN, "n1", None)
    assert server.rows()[0]["no"] == "C1"


def test_what_a_service_does_not_send_back_is_read(server: Server) -> None:
    table = some(server, 1)
    server.minimal = True
    outcome = written(STAGE, table, WriteKind.UPDATE, [{"id": uid(1), "name": "new"}], want=["name"])[0]
    assert (outcome["name"], outcome[VERSION]) == ("new", '2026-03-01 09:00:00.000000#W/"2"')


def test_every_row_has_an_outcome_of_its_own(server: Server) -> None:
    table = some(server, 3)
    rows = [
        {"id": uid(1), "name": "new"},
        {"id": uid(2), "name": "new"},
        {"id": uid(3), "name": None},
        {"id": uid(9), "name": "new"},
    ]
    expected = [{"name": "n1"}, {"name": "other"}, {"name": "n3"}, {"name": "n9"}]
    outcomes = written(STAGE, table, WriteKind.UPDATE, rows, expected)
    assert [row[CODE] for row in outcomes] == [Outcome.WRITTEN, Outcome.STALE, Outcome.REFUSED, Outcome.MISSING]
    assert outcomes[2][MESSAGE] == "Unfit name must have a value"
    assert [row["name"] for row in server.rows()] == ["new", "n2", "n3"]


def test_an_edit_between_look_and_write_is_refused_by_the_service(server: Server) -> None:
    """DESIGN 7: updates are conditional. The user is quicker, after koppel compared and before it wrote."""
    table = some(server, 1)
    server.before[1] = httpx2.Response(429, headers={"retry-after": "5"})
    server.time.meanwhile = lambda: server.edit(uid(1), name="the user's")
    outcome = written(STAGE, table, WriteKind.UPDATE, [{"id": uid(1), "name": "koppel's"}], [{"name": "n1"}])[0]
    assert outcome[CODE] == Outcome.STALE
    assert server.rows()[0]["name"] == "the user's"


@pytest.mark.parametrize("kind", WriteKind)
@pytest.mark.parametrize("stored", [True, False])
def test_a_row_whose_answer_never_came_is_unknown(server: Server, kind: WriteKind, stored: bool) -> None:
    """wire 4.1.3; issue 4: connection cut before or after commit. The other rows are not held up."""
    table = some(server, 3) if kind is not WriteKind.CREATE else customers(server)
    (server.after if stored else server.before)[2] = Cut("cut")
    rows = [{"id": uid(n)} | ({"name": "x"} if kind is not WriteKind.DELETE else {}) for n in (1, 2, 3)]
    outcomes = written(STAGE, table, kind, rows)
    assert [row[CODE] for row in outcomes] == [Outcome.WRITTEN, Outcome.UNKNOWN, Outcome.WRITTEN]
    assert sum(1 for line in server.asked if not line.startswith("GET")) == 3, "nothing is sent twice"


def test_a_row_whose_answer_cannot_be_read_is_unknown_and_no_other(server: Server) -> None:
    """Answers are read together; what a gateway says in place of one of them is nobody else's."""
    server.after[2] = httpx2.Response(201, content=b"<html>")
    rows = [{"id": uid(n), "name": f"n{n}"} for n in (1, 2, 3)]
    outcomes = written(STAGE, customers(server), WriteKind.CREATE, rows, want=["name"])
    assert [row[CODE] for row in outcomes] == [Outcome.WRITTEN, Outcome.UNKNOWN, Outcome.WRITTEN]
    assert outcomes[1][MESSAGE] == "it was stored, and the answer cannot be read"
    assert [row["name"] for row in outcomes] == ["n1", None, "n3"]


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_failing_service_leaves_the_fate_of_a_row_open(server: Server, status: int) -> None:
    table = customers(server)
    server.after[1] = httpx2.Response(status)
    assert written(STAGE, table, WriteKind.CREATE, [{"id": uid(1), "name": "x"}])[0][CODE] == Outcome.UNKNOWN
    assert len(server.rows()) == 1


def test_a_duplicate_is_refused_with_the_services_words(server: Server) -> None:
    table = some(server, 1)
    outcome = written(STAGE, table, WriteKind.CREATE, [{"id": uid(1), "name": "x"}])[0]
    assert (outcome[CODE], outcome[MESSAGE]) == (
        Outcome.REFUSED,
        "Internal_EntityWithSameKeyExists it exists already",
    )


def test_a_property_that_the_service_fills_is_not_written(server: Server) -> None:
    outcome = written(STAGE, some(server, 1), WriteKind.UPDATE, [{"id": uid(1), "modified": moment(9)}])[0]
    assert (outcome[CODE], outcome[MESSAGE]) == (Outcome.REFUSED, "modified cannot be written")


def test_a_record_is_deleted_in_the_state_it_was_seen_in(server: Server) -> None:
    table = some(server, 2)
    rows = [{"id": uid(1)}, {"id": uid(2)}]
    outcomes = written(STAGE, table, WriteKind.DELETE, rows, [{"name": "n1"}, {"name": "other"}])
    assert [row[CODE] for row in outcomes] == [Outcome.WRITTEN, Outcome.STALE]
    assert [row["no"] for row in server.rows()] == ["C2"]


def test_a_service_that_lets_nothing_in_is_a_failure_and_no_outcome(server: Server) -> None:
    table = customers(server)
    server.before = {number: httpx2.Response(429, headers={"retry-after": "9999"}) for number in range(1, 10)}
    with pytest.raises(Throttled):
        written(STAGE, table, WriteKind.CREATE, [{"id": uid(1), "name": "x"}, {"id": uid(2), "name": "x"}])
    assert server.rows() == []


def test_rows_sent_side_by_side_keep_their_own_outcomes(server: Server) -> None:
    """wire 4.1.6: matched by row, never by the order in which answers come."""
    table = customers(server, lanes=4)
    rows = [{"id": uid(n), "name": None if n % 7 == 0 else f"n{n}"} for n in range(1, 61)]
    outcomes = written(STAGE, table, WriteKind.CREATE, rows, want=["name"])
    for n, row in enumerate(outcomes, 1):
        refused = n % 7 == 0
        assert row[CODE] == (Outcome.REFUSED if refused else Outcome.WRITTEN)
        assert (row[ID], row["name"]) == (uid(n), None if refused else f"n{n}")
    assert len(server.rows()) == 52
