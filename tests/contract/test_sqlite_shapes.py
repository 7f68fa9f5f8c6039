"""What koppel finds out about an SQLite database by itself, and what it says when it cannot."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from koppel.connectors.sql import open_system
from koppel.connectors.sql.ddl import read_definition
from koppel.connectors.sql.reflect import field_shape
from koppel.errors import ConfigurationError, Unreachable
from koppel.model.values import FieldShape, KeyOrigin, Kind
from koppel.ports import TableOptions
from tests.contract.sqlite_stage import SqliteStage, fetch, page


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[SqliteStage]:
    stage = SqliteStage(tmp_path)
    yield stage
    stage.close()


# ---- opening


def test_a_missing_database_is_unreachable_and_never_created(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="there is no database"):
        open_system("erp", f"sqlite:///{tmp_path}/none.db")
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_disappears_is_not_created_either(stage: SqliteStage) -> None:
    system = stage.open()
    system.close()
    stage.user.close()
    stage.path.unlink()
    with pytest.raises(Unreachable, match="unable to open"):
        system.tables()
    assert not stage.path.exists()


def test_a_file_that_is_no_database_is_unreachable(tmp_path: Path) -> None:
    (tmp_path / "erp.db").write_bytes(b"something else entirely" * 100)
    with pytest.raises(Unreachable, match="not a database"):
        open_system("erp", f"sqlite:///{tmp_path}/erp.db").tables()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://host/db", "supported are: sqlite"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("no url", "cannot be read"),
        ("sqlite:///erp.db?cache=shared", "mode=ro"),
    ],
)
def test_a_url_that_cannot_work_is_explained(url: str, said: str) -> None:
    """The secret in a url is never repeated."""
    with pytest.raises(ConfigurationError, match=said) as error:
        open_system("erp", url)
    assert "sqlite:///path/to/file.db" in str(error.value)


def test_an_sqlite_that_is_too_old_says_so(stage: SqliteStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 34, 1))
    with pytest.raises(ConfigurationError, match=r"3\.35 is needed"):
        stage.open()


def test_the_identity_is_the_file_not_the_way_it_is_named(
    stage: SqliteStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a relative path keeps its meaning when the process goes elsewhere."""
    (tmp_path / "link.db").symlink_to(stage.path)
    monkeypatch.chdir(tmp_path)
    systems = [open_system("x", url) for url in ("sqlite:///erp.db", f"sqlite:///{stage.path}", "sqlite:///link.db")]
    monkeypatch.chdir("/")
    assert {system.identity() for system in systems} == {stage.system.identity()}
    assert systems[0].tables() == ()
    for system in systems:
        system.close()
        system.close()


def test_wrong_kinds_are_all_told_at_once(stage: SqliteStage) -> None:
    stage.make("id TEXT PRIMARY KEY, no TEXT, price TEXT")
    with pytest.raises(ConfigurationError) as error:
        stage.open(fields={"thing": {"no": "kode", "price": "money"}})
    assert len(error.value.problems) == 2
    with pytest.raises(ConfigurationError, match="no table nothing"):
        stage.open(fields={"nothing": {"no": "code"}})
    system = stage.open(fields={"Thing": {"NO": "code", "price": "decimal"}})
    shape = system.table("thing", TableOptions()).describe()
    assert [field.kind for field in shape.fields] == [Kind.TEXT, Kind.CODE, Kind.DECIMAL]
    system.close()
    system = stage.open(fields={"thing": {"nope": "code"}})
    with pytest.raises(ConfigurationError, match="no column nope"):
        system.table("thing", TableOptions())
    system.close()


# ---- kinds


@pytest.mark.parametrize(
    ("declared", "shape"),
    [
        ("VARCHAR(50)", FieldShape("f", Kind.TEXT, length=50)),
        ("NVARCHAR(50)", FieldShape("f", Kind.TEXT, length=50)),
        ("CHARACTER VARYING (20)", FieldShape("f", Kind.TEXT, length=20)),
        ("TEXT", FieldShape("f", Kind.TEXT)),
        ("text(9)", FieldShape("f", Kind.TEXT, length=9)),
        ("CODETEXT(20)", FieldShape("f", Kind.CODE, length=20)),
        ("code", FieldShape("f", Kind.CODE)),
        ("INT", FieldShape("f", Kind.INTEGER)),
        ("UNSIGNED BIG INT", FieldShape("f", Kind.INTEGER)),
        ("DECIMAL(19,4)", FieldShape("f", Kind.DECIMAL, scale=4)),
        ("DECIMAL(19)", FieldShape("f", Kind.DECIMAL, scale=0)),
        ("NUMERIC", FieldShape("f", Kind.DECIMAL)),
        ("DOUBLE PRECISION", FieldShape("f", Kind.DECIMAL)),
        ("BOOLEAN", FieldShape("f", Kind.BOOLEAN)),
        ("BIT", FieldShape("f", Kind.BOOLEAN)),
        ("DATE", FieldShape("f", Kind.DATE)),
        ("DATETIME2(7)", FieldShape("f", Kind.DATETIME)),
        ("TIMESTAMP", FieldShape("f", Kind.DATETIME)),
        ("UNIQUEIDENTIFIER", FieldShape("f", Kind.UUID)),
        ("UUIDTEXT", FieldShape("f", Kind.UUID)),
        ("", FieldShape("f", Kind.TEXT)),
        ("JSON", FieldShape("f", Kind.TEXT)),
    ],
)
def test_kinds_follow_the_declared_type(declared: str, shape: FieldShape) -> None:
    assert field_shape("f", declared) == shape


@pytest.mark.parametrize(
    ("sql", "choices"),
    [
        ("x TEXT CHECK (x IN ('', 'It''s', 'b'))", {"x": ("", "It's", "b")}),
        ('"a b" INT CHECK ("a b" in (-1, 0,+1))', {}),
        ('"a b" INT CHECK ("a b" in (-1, 0, 1.5))', {"a b": ("-1", "0", "1.5")}),
        ("x INT CHECK (x IS NULL OR x IN (1, NULL, 2))", {"x": ("1", "2")}),
        ("x INT CHECK (x IS NULL OR y IN (1, 2))", {}),
        ("x INT CHECK (x IN (1, 2) AND y > 0)", {}),
        ("x INT CHECK (x NOT IN (1, 2))", {}),
        ("x INT CHECK (x IN (1, abs(2)))", {}),
        ("x INT CHECK (x IN (SELECT 1))", {}),
        ("x INT -- CHECK (x IN (1))\n /* CHECK (x IN (2)) */ DEFAULT 'CHECK (x IN (3))'", {}),
        ("x INT, CONSTRAINT c CHECK ([x] IN (1)), CHECK (`y` IN (2))", {"x": ("1",), "y": ("2",)}),
    ],
)
def test_choices_are_read_from_a_check_and_from_nothing_else(sql: str, choices: dict[str, tuple[str, ...]]) -> None:
    """A value that only looks like a choice would be refused by us and taken by the database, or vice versa."""
    assert read_definition(f"CREATE TABLE t ({sql})").choices == choices


def test_the_columns_of_a_table(stage: SqliteStage) -> None:
    """Unique alone or together, generated, foreign keys of one column and of two, booleans with a check."""
    stage.sql(
        "CREATE TABLE parent (id TEXT PRIMARY KEY, a TEXT, b TEXT, UNIQUE (a, b))",
        """CREATE TABLE thing (
          id TEXT PRIMARY KEY, no TEXT NOT NULL UNIQUE, a TEXT, b TEXT, part TEXT, up TEXT REFERENCES parent,
          own TEXT REFERENCES parent (a), twice TEXT AS (a || a), flag BOOLEAN CHECK (flag IN (0, 1)),
          state INTEGER NOT NULL CHECK (state IN (0, 1)),
          UNIQUE (a, b), FOREIGN KEY (a, b) REFERENCES parent (a, b))""",
        "CREATE UNIQUE INDEX p ON thing (part) WHERE part <> ''",
    )
    fields = {field.name: field for field in stage.open_table("THING").describe().fields}
    assert stage.open_table("THING").describe().name == "thing"
    assert [name for name, field in fields.items() if field.unique] == ["id", "no"]
    assert [name for name, field in fields.items() if not field.nullable] == ["id", "no", "state"]
    assert [name for name, field in fields.items() if field.read_only] == ["twice"]
    references = {name: field.references for name, field in fields.items() if field.references}
    assert references == {"up": ("parent", "id"), "own": ("parent", "a")}
    assert (fields["flag"].kind, fields["flag"].choices) == (Kind.BOOLEAN, ())
    assert (fields["state"].kind, fields["state"].choices) == (Kind.CHOICE, ("0", "1"))


# ---- keys


@pytest.mark.parametrize(
    ("definition", "key", "origin"),
    [
        ("id INTEGER PRIMARY KEY, x TEXT", ("id",), KeyOrigin.GENERATED),
        ("id INTEGER PRIMARY KEY AUTOINCREMENT, x TEXT", ("id",), KeyOrigin.RESERVED),
        ("id INTEGER, x TEXT, PRIMARY KEY (id)", ("id",), KeyOrigin.GENERATED),
        ("id INTEGER PRIMARY KEY DESC, x TEXT", ("id",), KeyOrigin.CHOSEN),
        ("id INT PRIMARY KEY, x TEXT DEFAULT 'AUTOINCREMENT'", ("id",), KeyOrigin.CHOSEN),
        ("id TEXT PRIMARY KEY, x TEXT", ("id",), KeyOrigin.CHOSEN),
        ("b TEXT, a TEXT, PRIMARY KEY (a, b)", ("a", "b"), KeyOrigin.CHOSEN),
        ("x TEXT, no TEXT NOT NULL UNIQUE", ("no",), KeyOrigin.CHOSEN),
    ],
)
def test_who_gives_the_key(stage: SqliteStage, definition: str, key: tuple[str, ...], origin: KeyOrigin) -> None:
    """Rowids are used again after deletes: only AUTOINCREMENT can be reserved (DESIGN 14)."""
    shape = stage.make(definition).describe()
    assert (shape.key, shape.key_origin) == (key, origin)


def test_a_whole_number_key_without_rowid_is_not_generated(stage: SqliteStage) -> None:
    stage.sql("CREATE TABLE thing (id INTEGER PRIMARY KEY, x TEXT) WITHOUT ROWID")
    assert stage.open_table().describe().key_origin is KeyOrigin.CHOSEN


def test_records_that_cannot_be_told_apart_are_refused_with_a_remedy(stage: SqliteStage) -> None:
    with pytest.raises(ConfigurationError, match="no primary key"):
        stage.make("no TEXT UNIQUE, name TEXT")
    with pytest.raises(ConfigurationError, match="CREATE UNIQUE INDEX"):
        stage.open_table(options=TableOptions(key=("name",)))
    assert stage.open_table(options=TableOptions(key=("NO",))).describe().key == ("no",)
    with pytest.raises(ConfigurationError, match="did you mean name"):
        stage.open_table(options=TableOptions(key=("nam",)))
    with pytest.raises(ConfigurationError, match="did you mean name"):
        stage.open_table(options=TableOptions(key=("no",), modified="naem"))


def test_an_unknown_table_is_told_with_a_suggestion(stage: SqliteStage) -> None:
    stage.make("id INTEGER PRIMARY KEY AUTOINCREMENT", name="customer")
    assert stage.system.tables() == ("customer",)
    with pytest.raises(ConfigurationError, match="did you mean customer"):
        stage.open_table("custmer")
    with pytest.raises(ConfigurationError, match="its tables are: customer"):
        stage.open_table("sqlite_sequence_of_something")


@pytest.mark.parametrize(
    ("definition", "modified"),
    [
        ("id TEXT PRIMARY KEY, ModifiedOn DATETIME, updated_at TEXT", "ModifiedOn"),
        ("id TEXT PRIMARY KEY, SystemModifiedAt TEXT", "SystemModifiedAt"),
        ("id TEXT PRIMARY KEY, modified BOOLEAN, updated_at INTEGER", None),
        ("id TEXT PRIMARY KEY, name TEXT", None),
    ],
)
def test_the_change_stamp_is_found_by_its_name(stage: SqliteStage, definition: str, modified: str | None) -> None:
    shape = stage.make(definition).describe()
    assert shape.modified == modified
    field = None if modified is None else shape.field(modified)
    assert field is None or field.kind is Kind.DATETIME


def test_names_are_quoted_everywhere(stage: SqliteStage) -> None:
    """Spaces, quotes, words of SQL, and the name we give the table inside our statements."""
    stage.sql(
        'CREATE TABLE "t ""1""" ("select" TEXT PRIMARY KEY, "t" TEXT, "a ""b""" TEXT)',
        "INSERT INTO [t \"1\"] VALUES ('k', 't', 'v')",
    )
    table = stage.open_table('t "1"')
    assert page(table, "t", 'a "b"') == fetch(table, ["k"], "t", 'a "b"')
    assert page(table, "t", 'a "b"')[0]['a "b"'] == "v"
