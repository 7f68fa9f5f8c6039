"""What information_schema says of a table, and what koppel makes of it (DESIGN 6: kinds, keys, schemas, views)."""

from datetime import timedelta

import pytest

from koppel.connectors.mariadb.reflect import choices_of
from koppel.errors import ConfigurationError
from koppel.model.values import FieldShape, KeyOrigin, Kind
from koppel.model.write import WriteKind
from koppel.ports import Feed, TableOptions, Want
from koppel.testing.contract import codes
from koppel.testing.stage import fetched, named, written
from tests.contract.mariadb_stage import MariaStage

CREATE, UPDATE = WriteKind.CREATE, WriteKind.UPDATE


@pytest.mark.parametrize(
    ("declared", "shape"),
    [
        ("text", FieldShape("v", Kind.TEXT)),
        ("longtext CHARACTER SET latin1", FieldShape("v", Kind.TEXT)),
        ("varchar(20)", FieldShape("v", Kind.TEXT, length=20)),
        ("char(3) CHARACTER SET ascii", FieldShape("v", Kind.TEXT, length=3)),
        ("json", FieldShape("v", Kind.TEXT)),
        ("uuid", FieldShape("v", Kind.UUID)),
        ("smallint", FieldShape("v", Kind.INTEGER)),
        ("int unsigned", FieldShape("v", Kind.INTEGER)),
        ("bigint NOT NULL", FieldShape("v", Kind.INTEGER, nullable=False)),
        ("tinyint", FieldShape("v", Kind.INTEGER)),
        ("year", FieldShape("v", Kind.INTEGER)),
        ("bit(7)", FieldShape("v", Kind.INTEGER)),
        ("bit", FieldShape("v", Kind.BOOLEAN)),
        ("tinyint(1)", FieldShape("v", Kind.BOOLEAN)),
        ("boolean", FieldShape("v", Kind.BOOLEAN)),
        ("decimal(15,2)", FieldShape("v", Kind.DECIMAL, scale=2)),
        ("decimal(15)", FieldShape("v", Kind.DECIMAL, scale=0)),
        ("float", FieldShape("v", Kind.DECIMAL)),
        ("double", FieldShape("v", Kind.DECIMAL)),
        ("date", FieldShape("v", Kind.DATE)),
        ("datetime", FieldShape("v", Kind.DATETIME)),
        ("timestamp(3) NULL", FieldShape("v", Kind.DATETIME)),
        (r"enum('sad', 'it''s \\ ok')", FieldShape("v", Kind.CHOICE, choices=("sad", "it's \\ ok"))),
        ("set('a', 'b')", FieldShape("v", Kind.TEXT, read_only=True)),
        ("time", FieldShape("v", Kind.TEXT, read_only=True)),
        ("inet6", FieldShape("v", Kind.TEXT, read_only=True)),
        ("varbinary(9)", FieldShape("v", Kind.TEXT, read_only=True)),
        ("point", FieldShape("v", Kind.TEXT, read_only=True)),
        ("int AS (1 + 1) VIRTUAL", FieldShape("v", Kind.INTEGER, read_only=True)),
        ("varchar(9) CHECK (v IN ('a', 'it''s', 'b)'))", FieldShape("v", Kind.CHOICE, 9, choices=("a", "it's", "b)"))),
        ("int CHECK (v IN (0, -1, 2))", FieldShape("v", Kind.CHOICE, choices=("0", "-1", "2"))),
        ("text CHECK (v > 'a')", FieldShape("v", Kind.TEXT)),
        ("varchar(9) UNIQUE", FieldShape("v", Kind.TEXT, length=9, unique=True)),
        ("text, UNIQUE (v(5))", FieldShape("v", Kind.TEXT)),
        ("int, FOREIGN KEY (v) REFERENCES parent (no)", FieldShape("v", Kind.INTEGER, references=("parent", "no"))),
    ],
)
def test_kinds_are_found_out(maria: MariaStage, declared: str, shape: FieldShape) -> None:
    """An index of the beginnings of texts keeps nothing unique."""
    maria.sql("CREATE TABLE parent (no int PRIMARY KEY)")
    assert maria.make(f"id int PRIMARY KEY, v {declared}").describe().field("v") == shape


@pytest.mark.parametrize(
    ("rule", "choices"),
    [
        ("`c` in ('low','high')", ("low", "high")),
        ("\"c\" in ('a, b','it\\'s','x\\\\y')", ("a, b", "it's", "x\\y")),
        ("`c` = 'only'", ("only",)),
        ("`c` is null or `c` in (1,2)", ("1", "2")),
        ("`c` in (1,-2)", ("1", "-2")),
        ("`c` not in ('a')", ()),
        ("`c` = 'a' or `d` = 'b'", ()),
        ("`c` in ('a',`d`)", ()),
        ("`c` = ucase(`c`)", ()),
        ("`d` in ('a')", ()),
    ],
)
def test_a_check_that_lists_values_is_read(rule: str, choices: tuple[str, ...]) -> None:
    """As information_schema writes it; anything else is no choice."""
    assert choices_of(rule, "c") == choices


@pytest.mark.parametrize(
    ("key", "origin"),
    [
        ("uuid PRIMARY KEY", KeyOrigin.CHOSEN),
        ("uuid PRIMARY KEY DEFAULT uuid()", KeyOrigin.CHOSEN),
        ("varchar(36) PRIMARY KEY DEFAULT uuid()", KeyOrigin.CHOSEN),
        ("int PRIMARY KEY", KeyOrigin.CHOSEN),
        ("int unsigned AUTO_INCREMENT PRIMARY KEY", KeyOrigin.GENERATED),
        ("varchar(40) PRIMARY KEY DEFAULT (md5(rand()))", KeyOrigin.GENERATED),
        ("bigint PRIMARY KEY DEFAULT (NEXT VALUE FOR shared)", KeyOrigin.RESERVED),
    ],
)
def test_who_gives_the_key_is_found_out(maria: MariaStage, key: str, origin: KeyOrigin) -> None:
    """AUTO_INCREMENT keeps no number back, so none is reserved; each record is answered with its own."""
    maria.sql("CREATE SEQUENCE shared")
    table = maria.make(f"id {key}, name text")
    assert table.describe().key_origin is origin
    rows: list[dict[str, object]] = [{"name": "a"}, {"name": "b"}]
    answers = written(maria, table, CREATE, rows, want=["name"])
    assert codes(answers) == (["refused"] if origin is KeyOrigin.CHOSEN else ["written"]) * 2
    if origin is not KeyOrigin.CHOSEN:
        assert {(row["@id"], row["name"]) for row in answers} == set(maria.rows("SELECT concat(id), name FROM thing"))


def test_a_key_of_zero_is_zero(maria: MariaStage) -> None:
    """Not the next number, as MariaDB would take it."""
    table = maria.make("id int AUTO_INCREMENT PRIMARY KEY, name text")
    assert codes(written(maria, table, CREATE, [{"id": "0", "name": "zero"}])) == ["written"]
    assert maria.rows("SELECT id FROM thing") == [(0,)]


@pytest.mark.parametrize("name", ["THING", "Thing"])
def test_names_in_another_case_are_found_when_only_one_table_has_them(maria: MariaStage, name: str) -> None:
    if maria.rows("SELECT @@lower_case_table_names") != [(0,)]:
        pytest.skip("names have no case on this server")
    maria.sql("CREATE TABLE thing (b int PRIMARY KEY)")
    assert maria.open_table(name).describe().key == ("b",)
    maria.sql("CREATE TABLE Thing (a int PRIMARY KEY)")
    assert maria.open_table("Thing").describe().key == ("a",)
    assert maria.open_table("thing").describe().key == ("b",)
    with pytest.raises(ConfigurationError, match="there is no table THING"):
        maria.open_table("THING")


def test_a_foreign_key_to_another_database_names_it(maria: MariaStage) -> None:
    other = maria.other()
    maria.sql(f"CREATE TABLE {other}.parent (id int PRIMARY KEY)")
    table = maria.make(f"id int PRIMARY KEY, p int, FOREIGN KEY (p) REFERENCES {other}.parent (id)")
    assert table.describe().field("p") == FieldShape("p", Kind.INTEGER, references=(f"{other}.parent", "id"))
    assert f"{other}.parent" in maria.system.tables()
    assert maria.open_table(f"{maria.database}.thing").describe().name == "thing"


def test_a_table_without_transactions_is_read_only(maria: MariaStage) -> None:
    """A write that is interrupted half-way could not be taken back (features.atomic_batch)."""
    maria.make("id int PRIMARY KEY, name text", "1, 'x'")
    maria.sql("ALTER TABLE thing ENGINE=MyISAM")
    table = maria.open_table()
    assert all(field.read_only for field in table.describe().fields)
    assert fetched(table, ["1"], "name")["1"]["name"] == "x"
    (answer,) = written(maria, table, UPDATE, [{"id": "1", "name": "y"}])
    assert (answer["@code"], "MyISAM" in str(answer["@message"])) == ("refused", True)


@pytest.mark.parametrize(
    ("definition", "options", "complaint"),
    [
        ("id int, name text", TableOptions(), "cannot be told apart: it has no primary key"),
        ("id int, name text", TableOptions(key=("id",)), "nothing keeps id unique"),
        ("id int PRIMARY KEY", TableOptions(key=("idd",)), "did you mean id?"),
        ("id binary(16) PRIMARY KEY", TableOptions(), "id is stored as binary(16)"),
        ("id double PRIMARY KEY", TableOptions(), "id is stored as double"),
        ("id int PRIMARY KEY, name text", TableOptions(modified="name"), "the change stamp name is stored as text"),
        ("id int PRIMARY KEY", TableOptions(modified="gone"), "there is no column gone"),
    ],
)
def test_what_does_not_fit_is_a_mistake_in_words(
    maria: MariaStage, definition: str, options: TableOptions, complaint: str
) -> None:
    maria.sql(f"CREATE TABLE thing ({definition})")
    with pytest.raises(ConfigurationError) as mistake:
        maria.open_table(options=options)
    assert complaint in str(mistake.value)


def test_every_part_of_a_key_that_tells_nothing_apart_is_told(maria: MariaStage) -> None:
    maria.sql("CREATE TABLE thing (a double, b int, c binary(4), PRIMARY KEY (a, b, c))")
    with pytest.raises(ConfigurationError) as mistake:
        maria.open_table()
    assert [problem.what.split(": ")[1] for problem in mistake.value.problems] == [
        "a is stored as double",
        "c is stored as binary(4)",
    ]


def test_all_that_does_not_fit_is_told_at_once(maria: MariaStage) -> None:
    """Key, change stamp and kinds; once only the first of them was told."""
    maria.sql("CREATE TABLE thing (id int PRIMARY KEY, name text, seen date)")
    system = maria.open(fields={"thing": {"seen": "integer", "colour": "code"}})
    with pytest.raises(ConfigurationError) as mistake:
        system.table("thing", TableOptions(key=("idd", "nam"), modified="name"))
    problems = mistake.value.problems
    assert [problem.what for problem in problems] == [
        "seen is stored as date, which cannot be read as integer",
        "there is no column colour",
        "there is no column idd",
        "there is no column nam",
        "the change stamp name is stored as text",
    ]
    assert all(problem.where.endswith(".thing") and problem.remedy for problem in problems)


def test_the_only_strict_unique_columns_are_the_key(maria: MariaStage) -> None:
    """Where there is no primary key; a record without a value in a named key is none."""
    table = maria.make("a varchar(9) NOT NULL, b int NOT NULL, c varchar(9) UNIQUE, UNIQUE (a, b)", "'x', 1, NULL")
    assert table.describe().key == ("a", "b")
    assert named(maria.open_table(options=TableOptions(key=("c",))).changes(None, Want(()))) == []


def test_kinds_can_be_named_where_the_type_says_too_little(maria: MariaStage) -> None:
    maria.sql("CREATE TABLE thing (no varchar(20) PRIMARY KEY, state int, seen date)")
    table = maria.open(fields={"Thing": {"NO": "code", "state": "choice"}}).table("thing", TableOptions())
    assert [field.kind for field in table.describe().fields] == [Kind.CODE, Kind.CHOICE, Kind.DATE]
    with pytest.raises(ConfigurationError, match="seen is stored as date, which cannot be read as integer"):
        maria.open(fields={"thing": {"seen": "integer"}}).table("thing", TableOptions())
    with pytest.raises(ConfigurationError, match="there is no table thong"):
        maria.open(fields={"thong": {"seen": "date"}})


# ---- change stamps


@pytest.mark.parametrize(
    ("declared", "stored", "tick"),
    [
        ("timestamp(6) NULL", [], timedelta(microseconds=1)),
        ("timestamp NULL", [], timedelta(seconds=1)),
        ("datetime(3)", [], timedelta(milliseconds=1)),
        ("datetime(6)", ["2026-01-01 10:00:07", "2026-01-01 10:00:08"], timedelta(seconds=1)),
        ("datetime(6)", ["2026-01-01 10:00:07.25", "2026-01-01 10:00:08"], timedelta(milliseconds=10)),
    ],
)
def test_how_finely_the_stamp_ticks_is_found_out(
    maria: MariaStage, declared: str, stored: list[str], tick: timedelta
) -> None:
    """From the type and the values there are: koppel's own stamps tick no finer than the application's."""
    rows = [f"{number}, '{stamp}'" for number, stamp in enumerate(stored)]
    table = maria.make(f"id int PRIMARY KEY, last_modified {declared}, name text", *(f"{row}, 'x'" for row in rows))
    assert table.describe().modified == "last_modified"
    assert table.describe().granularity == tick
    assert table.features.feed is Feed.MODIFIED_ON


def test_a_column_that_the_database_moves_with_every_edit_is_the_stamp(maria: MariaStage) -> None:
    """ON UPDATE CURRENT_TIMESTAMP, whatever its name; a usual name comes first, and of two neither is taken."""
    moved = "timestamp NOT NULL DEFAULT current_timestamp ON UPDATE current_timestamp"
    assert maria.make(f"id int PRIMARY KEY, touched {moved}").describe().modified == "touched"
    maria.sql("ALTER TABLE thing ADD modified_on datetime")
    assert maria.open_table().describe().modified == "modified_on"
    maria.sql(f"ALTER TABLE thing DROP modified_on, ADD again {moved}")
    assert maria.open_table().describe().modified is None


def test_local_stamps_are_refused_where_hours_repeat(maria: MariaStage) -> None:
    """A stamp whose order is not that of time would lose the edits of an hour."""
    maria.sql("CREATE TABLE thing (id int PRIMARY KEY, modified datetime, zoned timestamp NULL)")
    system = maria.open("Europe/Amsterdam")
    with pytest.raises(ConfigurationError, match="Europe/Amsterdam"):
        system.table("thing", TableOptions())
    assert system.table("thing", TableOptions(modified="zoned")).features.feed is Feed.MODIFIED_ON
    assert system.table("thing", TableOptions(modified="")).features.feed is Feed.FULL
