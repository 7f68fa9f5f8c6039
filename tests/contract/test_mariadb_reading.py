"""What MariaDB stores and what a page makes of it: exact, or null with a reason; never lost, never twice."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koppel.connectors.mariadb import read
from koppel.connectors.mariadb.database import Answer, Connection
from koppel.errors import BadAnswer
from koppel.model.values import FAULT, ID, VERSION, KeyOrigin
from koppel.model.write import WriteKind
from koppel.ports import TableOptions, Want
from koppel.testing.contract import codes, found, uuid
from koppel.testing.stage import fetched, named, written
from tests.contract.mariadb_stage import MariaStage
from tests.contract.sqlite_stage import fetch, page
from tests.contract.test_postgresql_reading import VALID

CREATE, UPDATE, DELETE = WriteKind.CREATE, WriteKind.UPDATE, WriteKind.DELETE


# ---- values


@pytest.mark.parametrize(
    ("declared", "stored", "value", "fault"),
    [
        ("decimal(15,2)", "2500.50", Decimal("2500.50"), None),
        ("decimal(30,2)", "1234567890123456789012345678.91", Decimal("1234567890123456789012345678.91"), None),
        ("decimal(60,2)", "1e50", None, "out_of_range"),
        ("double", "0.1", Decimal("0.1"), None),
        ("double", "0.1e0 + 0.2e0", None, "digits_lost"),
        ("double", "1e20", Decimal(10**20), None),
        ("double", "1.5e-7", Decimal("0.00000015"), None),
        ("float", "0.1", Decimal("0.1"), None),
        ("float", "16777217", None, "digits_lost"),
        ("float", "1.5", Decimal("1.5"), None),
        ("bigint", "-9223372036854775808", -(2**63), None),
        ("bigint unsigned", "9223372036854775807", 2**63 - 1, None),
        ("bigint unsigned", "9223372036854775808", None, "out_of_range"),
        ("int(9) zerofill", "7", 7, None),
        ("bit(7)", "b'1000001'", 65, None),
        ("bit(1)", "b'0'", False, None),
        ("boolean", "true", True, None),
        ("boolean", "2", None, "not_a_boolean"),
        ("year", "2026", 2026, None),
        ("date", "'9999-12-31'", date(9999, 12, 31), None),
        ("date", "'0000-00-00'", None, "out_of_range"),
        ("date", "'2026-02-00'", None, "out_of_range"),
        ("datetime", "'0000-00-00'", None, "out_of_range"),
        ("datetime(5)", "'2026-02-28 10:00:00.12345'", datetime(2026, 2, 28, 10, 0, 0, 123450, UTC), None),
        ("timestamp(6) NULL", "'2026-02-28 10:00:00.5'", datetime(2026, 2, 28, 10, 0, 0, 500000, UTC), None),
        ("uuid", f"'{uuid(1).upper()}'", uuid(1), None),
        ("char(5)", "'ab'", "ab", None),
        ("text", "' ab\t'", " ab\t", None),
        ("text CHARACTER SET latin1", "'é€'", "é€", None),
        ("text CHARACTER SET utf16", "'株'", "株", None),
        ("text", "'\\\\N'", "\\N", None),
        ("text", "'a\\r\\nb\\n'", "a\r\nb\n", None),
        ("text", "'\"'", '"', None),
        ("set('a','b')", "'b,a'", "a,b", None),
        ("time", "'-10:00:00'", "-10:00:00", None),
        ("varbinary(4)", "x'00FF2C22'", "00FF2C22", None),
        ("inet6", "'::1'", "::1", None),
        ("json", "'{\"a\": 1}'", '{"a": 1}', None),
    ],
)
def test_a_stored_value_is_read_exactly_or_not_at_all(
    maria: MariaStage, declared: str, stored: str, value: object, fault: str | None
) -> None:
    """ports: never rounded, cut or guessed. The other records of the page are not harmed (DESIGN 14)."""
    maria.sql("SET sql_mode = ''")
    table = maria.make(f"id varchar(9) PRIMARY KEY, v {declared}", "'a', NULL", f"'b', {stored}", "'c', NULL")
    for rows in (page(table, "v"), fetch(table, "abc", "v")):
        assert [row["v"] for row in rows] == [None, value, None]
        assert [row[FAULT] for row in rows] == [None, f"v: {fault}" if fault else None, None]


@settings(max_examples=40)
@given(rows=st.lists(VALID, min_size=1, max_size=5))
def test_what_is_written_is_read_back(shared_maria: MariaStage, rows: list[dict[str, object]]) -> None:
    """Every value of every kind, with any choice of fields sent per row: created, then taken back by an update."""
    if "thing" not in shared_maria.system.tables():
        shared_maria.table(KeyOrigin.CHOSEN)
    shared_maria.sql("DELETE FROM thing")
    table = shared_maria.open_table()
    ids = [uuid(number) for number in range(len(rows))]
    blank = {name: None for name in ("note", "amount", "pieces", "active", "since", "seen", "partner", "rank")}
    full = [{"id": id_, "name": "", "number": "1", **blank, **row} for id_, row in zip(ids, rows, strict=True)]
    sent = [{"name": "", "number": "1", **row, "id": id_} for id_, row in zip(ids, rows, strict=True)]
    assert codes(written(shared_maria, table, CREATE, sent)) == ["written"] * len(rows)
    fields = tuple(full[0])[1:]
    stored = fetch(table, ids, *fields)
    assert [{"id": row[ID], **{name: row[name] for name in fields}} for row in stored] == full
    assert page(table, *fields) == stored
    seen = [{name: row[name] for name in fields} for row in full]
    empty = [{"id": id_, "name": "x", **blank} for id_ in ids]
    assert codes(written(shared_maria, table, UPDATE, empty, expected=seen)) == ["written"] * len(rows)


def test_a_record_longer_than_the_server_sends_is_a_bad_answer(maria: MariaStage) -> None:
    """A row comes as one text; without this it would come as nothing."""
    maria.make("id int PRIMARY KEY, v longtext")
    maria.sql("INSERT INTO thing VALUES (1, repeat('x', 10000000))", "INSERT INTO thing VALUES (2, 'y')")
    maria.sql("ALTER TABLE thing ADD w longtext", "UPDATE thing SET w = v")
    table = maria.open_table()
    assert len(str(fetched(table, ["1"], "v")["1"]["v"])) == 10_000_000
    with pytest.raises(BadAnswer, match="max_allowed_packet"):
        fetched(table, ["1"], "v", "w")


# ---- keys


@pytest.mark.parametrize(
    ("declared", "stored", "ids", "strange"),
    [
        ("smallint", "7", "7", ["07", "x", "7.0", "", "99999", "9223372036854775808"]),
        ("varchar(9)", "'Ab'", "Ab", ["ab", "AB", "Ab ", "Áb", "株", "\0"]),
        ("varchar(9) CHARACTER SET latin1", "'é'", "é", ["E", "É", "e", "株", "?", "é "]),
        ("char(4) COLLATE utf8mb4_bin", "'ab'", "ab", ["ab ", "AB"]),
        ("uuid", f"'{uuid(7)}'", uuid(7), [uuid(7).upper(), uuid(7)[:-1], "x", f"{{{uuid(7)}}}"]),
        ("date", "'2026-01-31'", "2026-01-31", ["2026-01-32", "20260131", "x"]),
        ("decimal(9,2)", "1.5", "1.50", ["1.5", "1.500", "x"]),
        ("datetime", "'2026-01-31 10:00:00'", "2026-01-31 10:00:00", ["2026-01-31", "x", "2026-01-31 10:00:00.0"]),
        ("enum('z', 'a')", "'a'", "a", ["2", "A", "never", ""]),
        ("bigint unsigned", "7", "7", ["-1", "x"]),
    ],
)
def test_keys_of_every_type_lead_back_to_their_record(
    maria: MariaStage, declared: str, stored: str, ids: str, strange: list[str]
) -> None:
    """DESIGN 6: an id is one canonical text; another spelling of it is no id."""
    table = maria.make(f"id {declared} PRIMARY KEY, name text", f"{stored}, 'x'")
    assert named(table.changes(None, Want(()))) == [ids]
    assert list(fetched(table, [*strange, ids], "name")) == [ids]
    assert codes(written(maria, table, UPDATE, [{"id": ids, "name": "y"}])) == ["written"]
    assert set(codes(written(maria, table, UPDATE, [{"id": i, "name": "z"} for i in strange]))) == {"missing"}
    assert maria.rows("SELECT name FROM thing") == [("y",)]
    assert codes(written(maria, table, DELETE, [{"id": ids}])) == ["written"]
    assert codes(written(maria, table, CREATE, [{"id": ids, "name": "y"}])) == ["written"]
    assert named(table.changes(None, Want(()))) == [ids]


@pytest.mark.parametrize("kind", ["table", "view"])
def test_a_key_of_several_types_is_paged_and_found(
    maria: MariaStage, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Keyset paging over (text, date, enum, number), with a page that is exactly full at the end. An enum is sorted by
    its numbers and compared as text; of a view no index is known."""
    monkeypatch.setattr(read, "PAGE_ROWS", 4)
    key = "a varchar(9), b date, e enum('z', 'b'), c int"
    maria.sql(f"CREATE TABLE thing ({key}, name text, PRIMARY KEY (a, b, e, c))")
    values = [
        f"('{a}', '2026-01-0{b}', '{e}', {c}, 'n')" for a in ("x", "|") for b in (1, 2) for e in "zb" for c in (2, 10)
    ]
    maria.sql(f"INSERT INTO thing VALUES {', '.join(values)}", "CREATE VIEW seen AS SELECT * FROM thing")
    table = maria.open_table()
    if kind == "view":
        table = maria.open_table("seen", TableOptions(key=("a", "b", "e", "c")))
    pages = [frame[ID].to_list() for frame in table.changes(None, Want(())).pages]
    assert [len(ids) for ids in pages] == [4, 4, 4, 4]
    ids = [id_ for part in pages for id_ in part]
    assert len(set(ids)) == 16
    assert "\\||2026-01-01|z|10" in ids
    assert set(fetched(table, [*ids, "x|2026-01-01", "x|soon|z|2", "x|2026-01-01|z|2|3"])) == set(ids)


def test_a_view_whose_keys_a_collation_takes_for_equal_is_read_whole(
    maria: MariaStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing keeps the keys of a view apart but their bytes."""
    monkeypatch.setattr(read, "PAGE_ROWS", 1)
    maria.make("id int PRIMARY KEY, no varchar(9)", "1, 'a'", "2, 'A'", "3, 'á'", "4, 'a '")
    maria.sql("CREATE VIEW seen AS SELECT no FROM thing")
    view = maria.open_table("seen", TableOptions(key=("no",)))
    assert sorted(named(view.changes(None, Want(())))) == sorted(["a", "A", "á", "a "])


# ---- what changed


@pytest.mark.parametrize("indexed", [False, True])
def test_a_feed_misses_no_edit_made_while_it_is_read(
    maria: MariaStage, monkeypatch: pytest.MonkeyPatch, indexed: bool
) -> None:
    """Every record is named, and one that is edited behind the reader's back is named by the next feed."""
    monkeypatch.setattr(read, "PAGE_ROWS", 3)
    maria.table(KeyOrigin.CHOSEN)
    if indexed:
        maria.sql("CREATE INDEX m ON thing (modified)")
    table = maria.open_table()
    cursor = table.changes(None, Want(())).cursor
    for number in range(8):
        maria.put(table, uuid(number), {"name": "old"})
    maria.wait(timedelta(seconds=1))
    changes = table.changes(cursor, Want(("name",)))
    names: dict[object, object] = {}
    for frame in changes.pages:
        names |= {row[ID]: row["name"] for row in frame.to_dicts()}
        maria.wait(timedelta(milliseconds=1))
        if len(names) < 8:
            for number in (0, 7):
                maria.edit(table, uuid(number), {"name": "new"})
    assert set(names) == {uuid(number) for number in range(8)}
    again = {row[ID]: row["name"] for p in table.changes(changes.cursor, Want(("name",))).pages for row in p.to_dicts()}
    assert names | again == {uuid(number): "new" if number in (0, 7) else "old" for number in range(8)}


def test_records_without_a_stamp_are_named_every_time(maria: MariaStage) -> None:
    """Who forgets the stamp of an edit must not lose the edit."""
    table = maria.make("id varchar(9) PRIMARY KEY, modified_on datetime", "'a', NULL", "'b', '2026-01-01'")
    changes = table.changes(table.changes(None, Want(())).cursor, Want(()))
    assert not changes.complete
    assert named(changes) == ["a"]


def test_a_table_without_a_stamp_has_no_versions(maria: MariaStage) -> None:
    """No number tells which transaction wrote a row: every record is compared (DESIGN 4)."""
    table = maria.make("id varchar(9) PRIMARY KEY, name text", "'a', 'x'")
    assert fetched(table, ["a"])["a"][VERSION] is None
    assert table.changes(table.changes(None, Want(())).cursor, Want(())).complete


def plans(maria: MariaStage, monkeypatch: pytest.MonkeyPatch, table_call: object) -> list[str]:
    """How the server reads `t` in each page that the call asks for."""
    queries: list[str] = []
    real = Connection.execute

    def noted(connection: Connection, statement: str) -> Answer:
        if " AS t " in statement:
            queries.append(statement)
        return real(connection, statement)

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "execute", noted)
        table_call()  # type: ignore[operator]
    mode = "SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES', in_predicate_conversion_threshold = 0"
    maria.sql(mode)
    return [str(row[3]) for query in queries for row in maria.rows(f"EXPLAIN {query.replace('%', '%%')}")]


def test_pages_and_look_ups_use_indexes(maria: MariaStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """No-op cost follows the changes (DESIGN 9), not the table; a long list of ids is looked up too."""
    maria.table(KeyOrigin.CHOSEN)
    maria.sql(
        "INSERT INTO thing (id, name, modified) SELECT uuid(), 'x', '2020-01-01' FROM seq_1_to_20000",
        "CREATE INDEX m ON thing (modified)",
        "ANALYZE TABLE thing",
    )
    table = maria.open_table()
    cursor = table.changes(None, Want(())).cursor
    assert plans(maria, monkeypatch, lambda: named(table.changes(cursor, Want(("name",))))) == ["range"]
    ids = [uuid(number) for number in range(2000)]
    assert plans(maria, monkeypatch, lambda: fetched(table, ids, "name")) == ["range"]


def test_text_keys_of_another_encoding_use_their_index(maria: MariaStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids are compared in the column's own encoding; one that it cannot hold is found by nobody."""
    table = maria.make("id varchar(20) CHARACTER SET latin1 COLLATE latin1_german2_ci PRIMARY KEY, name text")
    maria.sql("INSERT INTO thing SELECT concat('k', seq), 'x' FROM seq_1_to_20000", "ANALYZE TABLE thing")
    ids = [*(f"k{number}" for number in range(50)), "株"]
    found_ids: list[str] = []
    used = plans(maria, monkeypatch, lambda: found_ids.extend(fetched(table, ids)))
    assert used == ["range"]
    assert len(found_ids) == 49


def test_an_odd_zone_or_mode_of_the_server_changes_nothing(maria: MariaStage) -> None:
    """Every session sets its own rules: here the global ones are the worst there are."""
    worst = {
        "sql_mode": "'PAD_CHAR_TO_FULL_LENGTH'", "time_zone": "'-08:00'", "sql_select_limit": "1",
        "foreign_key_checks": "0", "check_constraint_checks": "0", "completion_type": "1", "sql_auto_is_null": "1",
        "tx_isolation": "'READ-UNCOMMITTED'", "lc_messages": "'nl_NL'",
    }  # fmt: skip
    before = {name: maria.rows(f"SELECT @@global.{name}")[0][0] for name in worst}
    try:
        maria.sql(*(f"SET GLOBAL {name} = {value}" for name, value in worst.items()))
        system = maria.open()
        maria.sql("CREATE TABLE thing (id int PRIMARY KEY, c char(5), v int CHECK (v < 5), seen timestamp NULL)")
        table = system.table("thing", TableOptions())
        moment = datetime(2026, 3, 1, 10, tzinfo=UTC)
        rows = [{"id": str(number), "c": "a", "v": number, "seen": moment} for number in (1, 2, 7)]
        answers = written(maria, table, CREATE, rows)
        assert codes(answers) == ["written", "written", "refused"]
        assert answers[2]["@field"] == "v"
        stored = fetched(table, ["1", "2"], "c", "seen")
        assert {(row["c"], row["seen"]) for row in stored.values()} == {("a", moment)}
        assert len(stored) == 2
    finally:
        maria.sql(*(f"SET GLOBAL {name} = '{value}'" if isinstance(value, str) else f"SET GLOBAL {name} = {value}"
                    for name, value in before.items()))  # fmt: skip


# ---- finding


@pytest.mark.parametrize(
    ("declared", "stored", "value"),
    [
        ("char(5)", "'ab'", "ab"),
        ("varchar(9) CHARACTER SET latin1", "' É\u00a0'", "É"),
        ("double", "0.1", Decimal("0.1")),
        ("float", "0.1", Decimal("0.1")),
        ("bit", "b'1'", True),
        ("bit(3)", "b'101'", 5),
        ("datetime", "'2026-01-31 10:00:00'", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("enum('1', 'sad')", "'sad'", "sad"),
        ("inet6", "'::1'", "::1"),
        ("varbinary(2)", "x'00FF'", "00FF"),
    ],
)
def test_values_of_every_type_are_found(maria: MariaStage, declared: str, stored: str, value: object) -> None:
    table = maria.make(f"id int PRIMARY KEY, v {declared}", f"1, {stored}", "2, NULL")
    for ignore_case in (False, True):
        assert found(table, [{"v": value}, {"v": None}], ignore_case) == [(1, "1")]


def test_looking_for_what_no_column_can_hold_finds_nothing(maria: MariaStage) -> None:
    """Neither a character the column has no room for nor a choice that the type does not know ends the look-up."""
    table = maria.make("id int PRIMARY KEY, t varchar(9) CHARACTER SET latin1, m enum('sad')", "1, 'x', 'sad'")
    assert found(table, [{"t": "株"}, {"t": "x"}], ignore_case=False) == [(2, "1")]
    assert found(table, [{"t": "株"}, {"t": "X"}], ignore_case=True) == [(2, "1")]
    assert found(table, [{"m": "never"}, {"m": "1"}, {"m": "sad"}], ignore_case=False) == [(3, "1")]
