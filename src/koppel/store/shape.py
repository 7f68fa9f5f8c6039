"""The shape of a store's tables: as they are in a database, as they should be, and where the two differ."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Inspector, create_engine, inspect, text

from koppel.store import schema
from koppel.store.revision import stamp, tables_in


def differences(connection: Connection) -> list[str]:
    """Where the store's tables are not as this koppel makes them, one sentence each.

    In PostgreSQL this makes temporary tables of the same names, which stand before those of the store until the
    transaction is rolled back; the caller does that.
    """
    names = [*schema.metadata.tables, stamp.name]
    there, own = tables_in(connection), connection.dialect.default_schema_name
    missing = [f"table {name} is missing" for name in names if name not in there]
    found = {
        fact: said for name in names if name in there for fact, said in _facts(inspect(connection), name, own).items()
    }
    wanted = {f: said for f, said in _wanted(connection, names).items() if f.split(":")[0] in there}
    return [*missing, *_compared(found, wanted)]


def _compared(found: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    changed = [f for f in wanted if f in found and found[f] != wanted[f]]
    return [
        *(f"{f} is missing" for f in wanted if f not in found),
        *(f"{f} is {found[f]}, it should be {wanted[f]}" for f in changed),
        *(f"{f} should not be there" for f in found if f not in wanted),
    ]


def _wanted(connection: Connection, names: list[str]) -> dict[str, str]:
    """The facts of tables that were made a moment ago: in memory, or in the session's own schema."""
    if connection.dialect.name == "sqlite":
        engine = create_engine("sqlite://")
        with engine.connect() as other, other.begin():
            schema.metadata.create_all(other, checkfirst=False)
            stamp.create(other)
            facts = [_facts(inspect(other), name) for name in names]
        engine.dispose()
    else:
        here = connection.execution_options(schema_translate_map={None: "pg_temp"})
        schema.metadata.create_all(here, checkfirst=False)
        stamp.create(here, checkfirst=False)
        connection.execution_options(schema_translate_map=None)
        own = connection.execute(text("SELECT nspname FROM pg_namespace WHERE oid = pg_my_temp_schema()")).scalar_one()
        facts = [_facts(inspect(connection), name, own) for name in names]
    return {fact: said for each in facts for fact, said in each.items()}


def _facts(known: Inspector, table: str, of: str | None = None) -> dict[str, str]:
    """Everything that makes a table's shape, each as a name and a sentence."""
    columns = {f"{table}: column {c['name']}": _column(c) for c in known.get_columns(table, of)}
    keys = [
        f"primary key ({', '.join(known.get_pk_constraint(table, of)['constrained_columns'])})",
        *(f"unique ({_list(u['column_names'])})" for u in known.get_unique_constraints(table, of)),
        *(
            f"reference ({_list(f['constrained_columns'])}) to {f['referred_table']} ({_list(f['referred_columns'])})"
            for f in known.get_foreign_keys(table, of)
        ),
    ]
    indexes = {
        f"{table}: index {i['name']}": _index(i)
        for i in known.get_indexes(table, of)
        if "duplicates_constraint" not in i
    }
    return {**columns, **{f"{table}: {key}": "there" for key in keys}, **indexes}


def _column(column: Any) -> str:
    parts = [str(column["type"]), "null" if column["nullable"] else "not null"]
    if column.get("identity"):
        parts.append("numbered")
    elif column["default"] is not None:
        parts.append(f"default {column['default']}")
    return " ".join(parts)


def _index(index: Any) -> str:
    where = [str(said) for option, said in index.get("dialect_options", {}).items() if option.endswith("_where")]
    unique = "unique " if index["unique"] else ""
    return f"{unique}({_list(index.get('expressions') or index['column_names'])}) {' '.join(where)}".rstrip()


def _list(names: Sequence[str | None]) -> str:
    return ", ".join(str(name) for name in names)
