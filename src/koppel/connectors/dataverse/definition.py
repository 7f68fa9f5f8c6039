"""What one table is to koppel: its columns, keys and habits, from what the metadata tells."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from koppel.connectors.dataverse.columns import Column, columns_of
from koppel.connectors.dataverse.metadata import Details, TableFacts, Told
from koppel.connectors.dataverse.security import Security
from koppel.model.values import FieldShape

STAMP = "modifiedon"
USUAL_KEPT_DAYS = 7
"""How long deleted rows are remembered where the organisation's setting cannot be read (wire 1.4)."""


@dataclass(frozen=True)
class Definition:
    """One table. `sets`: table to entity set, of itself and of those its lookups name. `keys`: the alternate keys that
    may be used, by schema name. `tracked`: change tracking is on. `etags`: a version can be demanded of a row.
    `bulk`: a bulk message is all or nothing, which it is not on elastic tables (wire 1.8).
    """

    name: str
    key: str
    columns: Mapping[str, Column]
    keys: Mapping[str, tuple[str, ...]]
    sets: Mapping[str, str]
    tracked: bool
    etags: bool
    bulk: bool
    kept_days: int
    security: Security
    unfinished: Mapping[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)
    """Alternate keys that may not be used: their columns, and the state of their index."""

    @property
    def set_name(self) -> str:
        """Its entity set."""
        return self.sets[self.name]

    @property
    def stamp(self) -> str | None:
        """The column with the moment of the last change; a few tables have none."""
        return STAMP if STAMP in self.columns else None

    @cached_property
    def fields(self) -> tuple[FieldShape, ...]:
        """Its columns as fields."""
        return tuple(column.odata.shape for column in self.columns.values())

    @property
    def hidden(self) -> tuple[str, ...]:
        """The columns that column security hides."""
        return tuple(column.name for column in self.columns.values() if column.access.hidden)


def definition_of(facts: TableFacts, told: Told, tables: Mapping[str, TableFacts], security: Security) -> Definition:
    """A table from its metadata."""
    key = facts.PrimaryIdAttribute or ""
    keys = {one.SchemaName: one.KeyAttributes for one in told.keys if one.EntityKeyIndexStatus == "Active"}
    unfinished = {
        one.SchemaName: (one.KeyAttributes, one.EntityKeyIndexStatus) for one in told.keys if one.SchemaName not in keys
    }
    unique = {names[0] for names in keys.values() if len(names) == 1} | {key}
    columns: dict[str, Column] = {}
    for attribute in told.attributes:
        name = attribute.LogicalName
        navigations = {
            one.ReferencedEntity: one.ReferencingEntityNavigationPropertyName or ""
            for one in told.relationships
            if one.ReferencingAttribute == name
        }
        details = told.details.get(name, Details())
        access = security.access(name)
        for column in columns_of(attribute, details, navigations, access, unique=name in unique, key=name == key):
            columns[column.name] = _referring(column, tables)
    targets = {facts.LogicalName, *(table for column in columns.values() for table in column.targets)}
    return Definition(
        facts.LogicalName,
        key,
        columns,
        keys,
        {table: tables[table].EntitySetName or "" for table in targets if table in tables},
        facts.ChangeTrackingEnabled,
        facts.IsOptimisticConcurrencyEnabled,
        facts.TableType in (None, "Standard"),
        told.kept_days or USUAL_KEPT_DAYS,
        security,
        unfinished,
    )


def _referring(column: Column, tables: Mapping[str, TableFacts]) -> Column:
    """A lookup with one table refers to its key; tables that are out of reach cannot be bound."""
    if not column.targets:
        return column
    known = {table: navigation for table, navigation in column.targets.items() if table in tables}
    references = None
    if len(known) == 1:
        (table,) = known
        references = (table, tables[table].PrimaryIdAttribute or "")
    shape = replace(column.odata.shape, references=references)
    return replace(column, odata=replace(column.odata, shape=shape), targets=known)
