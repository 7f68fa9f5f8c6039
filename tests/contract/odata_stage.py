"""A small OData service with a user of its own and a clock that stands still until it is told to go on."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from koppel.connectors.odata.filter import Manners
from koppel.connectors.odata.table import OdataTable
from koppel.model.values import KeyOrigin
from koppel.ports import Table, TableOptions
from koppel.testing.stage import Trait
from tests.odata.behind import Exact
from tests.odata.server import Server

METADATA = """<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.01" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
 <edmx:Reference Uri="Org.OData.Core.V1.xml">
  <edmx:Include Namespace="Org.OData.Core.V1" Alias="Core"/>
  <edmx:Include Namespace="Org.OData.Capabilities.V1" Alias="Capabilities"/>
 </edmx:Reference>
 <edmx:DataServices>
  <Schema Namespace="demo" Alias="Self" xmlns="http://docs.oasis-open.org/odata/ns/edm">
   <EnumType Name="Rank"><Member Name="low"/><Member Name="high"/></EnumType>
   <EntityType Name="Thing">
    {key}
    <Property Name="no" Type="Edm.String" MaxLength="20"/>
    <Property Name="name" Type="Edm.String" MaxLength="100" Nullable="false"/>
    <Property Name="note" Type="Edm.String"/>
    <Property Name="amount" Type="Edm.Decimal" Precision="15" Scale="2"/>
    <Property Name="pieces" Type="Edm.Int64"/>
    <Property Name="active" Type="Edm.Boolean"/>
    <Property Name="since" Type="Edm.Date"/>
    <Property Name="seen" Type="Edm.DateTimeOffset" Precision="6"/>
    <Property Name="partner" Type="Edm.Guid"/>
    <Property Name="rank" Type="Self.Rank"/>
    <Property Name="number" Type="Edm.String"/>
    <Property Name="modified" Type="Edm.DateTimeOffset" Precision="3">
     <Annotation Term="Core.Computed"/>
    </Property>
    <Annotation Term="Core.AlternateKeys"><Collection><Record>
     <PropertyValue Property="Key"><Collection><Record>
      <PropertyValue Property="Name" PropertyPath="no"/><PropertyValue Property="Alias" String="no"/>
     </Record></Collection></PropertyValue>
    </Record></Collection></Annotation>
   </EntityType>
   <EntityType Name="Loud">
    <Key><PropertyRef Name="id"/></Key>
    <Property Name="id" Type="Edm.Guid" Nullable="false"/>
    <Property Name="name" Type="Edm.String"/>
    <Property Name="loud" Type="Edm.String"><Annotation Term="Core.Computed"/></Property>
   </EntityType>
   <EntityContainer Name="Container">
    <EntitySet Name="thing" EntityType="Self.Thing"><Annotation Term="Core.OptimisticConcurrency"/></EntitySet>
    <EntitySet Name="loud" EntityType="Self.Loud"/>
   </EntityContainer>
  </Schema>
 </edmx:DataServices>
</edmx:Edmx>"""

CHOSEN = '<Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.Guid" Nullable="false"/>'
GENERATED = """<Key><PropertyRef Name="id"/></Key>
    <Property Name="id" Type="Edm.Int32" Nullable="false"><Annotation Term="Core.Computed"/></Property>"""
COMPOSITE = """<Key><PropertyRef Name="area"/><PropertyRef Name="code"/></Key>
    <Property Name="area" Type="Edm.String" Nullable="false"/>
    <Property Name="code" Type="Edm.String" Nullable="false"/>"""


def columns() -> list[sa.Column[object]]:
    """Those of a thing, beside its key."""
    return [
        sa.Column("no", sa.String(20), unique=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("note", sa.String),
        sa.Column("amount", Exact),
        sa.Column("pieces", sa.BigInteger),
        sa.Column("active", sa.Boolean),
        sa.Column("since", sa.Date),
        sa.Column("seen", sa.DateTime),
        sa.Column("partner", sa.String),
        sa.Column("rank", sa.String, info={"choices": ("low", "high")}),
        sa.Column("number", sa.String),
        sa.Column("modified", sa.DateTime),
        sa.Column("edition", sa.Integer),
    ]


class OdataStage:
    """`exact`: the service compares texts as they are, and koppel knows it; else the case of letters and blanks at the
    end do not count. `batch`: it takes many requests in one.
    """

    lacks = frozenset(
        {
            Trait.RESERVED_KEYS,
            Trait.QUOTED_NAMES,  # names are identifiers in OData
            Trait.VIEWS,  # an entity set is not known to be one
            Trait.SCHEMAS,
            Trait.LOCAL_TIMES,  # a moment always has its offset
            Trait.REFERENCES,
            Trait.TRANSACTIONS,
            Trait.CODES,  # no type says so
        }
    )

    def __init__(self, exact: bool, batch: bool) -> None:
        self.exact = exact
        self.batch = batch
        self.server = Server(sa.MetaData())

    def close(self) -> None:
        self.server.close()
        self.server.engine.dispose()

    def made(self, key: str, *keys: sa.Column[object]) -> OdataTable:
        """The service with things of this key."""
        tables = sa.MetaData()
        sa.Table("thing", tables, *keys, *columns())
        loud = sa.Column("loud", sa.String, sa.Computed("upper(name)"))
        sa.Table("loud", tables, sa.Column("id", sa.String, primary_key=True), sa.Column("name", sa.String), loud)
        self.close()
        self.server = Server(tables, METADATA.format(key=key).encode(), self.exact)
        self.server.batch = self.batch
        return self.open_table()

    def open_table(self, name: str = "thing", options: TableOptions | None = None) -> OdataTable:
        """Open a table as it is now."""
        system = self.server.system(manners=Manners(exact_text=self.exact))
        return system.table(name, options or TableOptions())

    @property
    def thing(self) -> sa.Table:
        return self.server.tables.tables["thing"]

    # ---- koppel.testing.Stage

    def table(self, origin: KeyOrigin) -> OdataTable | None:
        match origin:
            case KeyOrigin.CHOSEN:
                return self.made(CHOSEN, sa.Column("id", sa.String, primary_key=True))
            case KeyOrigin.GENERATED:
                return self.made(GENERATED, sa.Column("id", sa.Integer, primary_key=True, autoincrement=True))
            case KeyOrigin.RESERVED:
                return None

    def composite(self) -> OdataTable:
        parts = (sa.Column(name, sa.String, primary_key=True) for name in ("area", "code"))
        return self.made(COMPOSITE, *parts)

    def computed(self) -> OdataTable:
        self.table(KeyOrigin.CHOSEN)
        return self.open_table("loud")

    def awkward(self) -> None:
        """What a service does not have."""

    view = elsewhere = local = referring = awkward

    def live(self, table: Table) -> OdataTable:
        return self.open_table("thing", TableOptions(lag=timedelta(0)))

    def begin(self, table: Table, id_: str, values: Mapping[str, object]) -> None:
        """A request is a transaction of its own."""

    def put(self, table: Table, id_: str, values: Mapping[str, object]) -> None:
        self.server.put(self.thing, id=id_, **plain(values))

    def edit(self, table: Table, id_: str, values: Mapping[str, object]) -> None:
        self.server.edit(id_, self.thing, **plain(values))

    def remove(self, table: Table, id_: str) -> None:
        self.server.remove(id_, self.thing)

    def now(self) -> datetime:
        return self.server.time.now()

    def wait(self, time: timedelta) -> None:
        self.server.time.passed += time.total_seconds()


def plain(values: Mapping[str, object]) -> dict[str, object]:
    """As the service keeps them: moments in UTC without saying so."""
    return {
        name: value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value
        for name, value in values.items()
    }
