"""A small OData V4 service over SQLite, whose user edits records and whose line is cut, before or after a commit."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from threading import Lock
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx2
import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from koppel.connectors.odata.filter import Manners
from koppel.connectors.odata.session import Limits, Session
from koppel.connectors.odata.system import OdataSystem
from koppel.connectors.odata.tokens import Basic
from tests.odata.behind import Misfit, condition, in_the_way, taken
from tests.odata.service import ROOT, SECRET, FakeTime

METADATA = b"""<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
 <edmx:Reference Uri="https://oasis-tcs.github.io/odata-vocabularies/vocabularies/Org.OData.Capabilities.V1.xml">
  <edmx:Include Namespace="Org.OData.Capabilities.V1" Alias="Capabilities"/>
 </edmx:Reference>
 <edmx:DataServices>
  <Schema Namespace="demo" Alias="Self" xmlns="http://docs.oasis-open.org/odata/ns/edm">
   <EnumType Name="Rank"><Member Name="low" Value="0"/><Member Name="high" Value="1"/></EnumType>
   <EnumType Name="Days" IsFlags="true"><Member Name="monday" Value="1"/></EnumType>
   <TypeDefinition Name="Money" UnderlyingType="Edm.Decimal" Precision="19" Scale="4"/>
   <EntityType Name="Entity" Abstract="true">
    <Key><PropertyRef Name="id"/></Key>
    <Property Name="id" Type="Edm.Guid" Nullable="false"/>
    <Property Name="modified" Type="Edm.DateTimeOffset" Precision="3">
     <Annotation Term="Org.OData.Core.V1.Computed" Bool="true"/>
    </Property>
   </EntityType>
   <EntityType Name="Customer" BaseType="demo.Entity">
    <Property Name="no" Type="Edm.String" MaxLength="20"/>
    <Property Name="name" Type="Edm.String" MaxLength="max" Nullable="false"/>
    <Property Name="credit" Type="Self.Money"/>
    <Property Name="rank" Type="demo.Rank"/>
    <Property Name="days" Type="demo.Days"/>
    <Property Name="tags" Type="Collection(Edm.String)"/>
    <NavigationProperty Name="orders" Type="Collection(demo.Line)"/>
   </EntityType>
   <EntityType Name="Line">
    <Key><PropertyRef Name="order"/><PropertyRef Name="line"/></Key>
    <Property Name="order" Type="Edm.String" Nullable="false"/>
    <Property Name="line" Type="Edm.Int32" Nullable="false"/>
    <Property Name="text" Type="Edm.String"/>
   </EntityType>
   <EntityContainer Name="Container">
    <EntitySet Name="customers" EntityType="demo.Customer"/>
    <EntitySet Name="lines" EntityType="Self.Line"/>
   </EntityContainer>
   <Annotations Target="demo.Container/customers">
    <Annotation Term="Org.OData.Core.V1.OptimisticConcurrency"/>
   </Annotations>
  </Schema>
 </edmx:DataServices>
</edmx:Edmx>"""

BATCH = b"""
   <Annotations Target="Self.Container">
    <Annotation Term="Capabilities.BatchSupport"><Record>
     <PropertyValue Property="Supported" Bool="true"/>
     <PropertyValue Property="SupportedFormats"><Collection>
      <String>multipart/mixed</String><String>application/json;odata.metadata=minimal</String>
     </Collection></PropertyValue>
    </Record></Annotation>
   </Annotations>
"""
"""What a service says that takes batches as JSON."""

TABLES = sa.MetaData()
CUSTOMERS = sa.Table(
    "customers",
    TABLES,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("modified", sa.DateTime),
    sa.Column("no", sa.String, unique=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("credit", sa.Numeric(19, 4)),
    sa.Column("rank", sa.String),
    sa.Column("edition", sa.Integer),
)
LINES = sa.Table(
    "lines",
    TABLES,
    sa.Column("order", sa.String, primary_key=True),
    sa.Column("line", sa.Integer, primary_key=True),
    sa.Column("text", sa.String),
)


class Cut(httpx2.ReadError):
    """The line is cut."""


class Server(httpx2.BaseTransport):
    """`tables`, `metadata`: what it holds and what it says of it; a column `modified` is its change stamp, `edition`
    the etag. `exact`: it compares texts as they are.

    `page_rows`: how many records it sends at once. `before`, `after`: what happens to the n-th write from now on,
    before and after it is stored: an exception, or an answer in place of its own. `minimal`: writes answer 204.

    `batch`: it takes batches as JSON (and says so), of at most 100 requests, and answers them in another order;
    `goes_on`: it heeds `continue-on-error`; `forgets`, `repeats`: the ids whose answers it leaves out, and gives twice.
    """

    def __init__(self, tables: sa.MetaData = TABLES, metadata: bytes | None = None, exact: bool = True) -> None:
        self.tables = tables
        self.metadata = metadata
        self.exact = exact
        self.time = FakeTime()
        self.page_rows = 1000
        self.minimal = False
        self.batch = False
        self.goes_on = True
        self.forgets: set[str] = set()
        self.repeats: set[str] = set()
        self.before: dict[int, Exception | httpx2.Response] = {}
        self.after: dict[int, Exception | httpx2.Response] = {}
        self.spoil: dict[str, str] = {}
        self.asked: list[str] = []
        self.lock = Lock()
        self.engine = sa.create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
        tables.create_all(self.engine)

    def system(self, lanes: int = 1, batch: bool | None = None, manners: Manners | None = None) -> OdataSystem:
        """The system as koppel opens it."""
        limits = Limits(most_lanes=lanes)
        session = Session("erp", ROOT, Basic("koppel", SECRET), limits, self.time.timing(), self)
        return OdataSystem(session, manners, batch)

    # ---- its user

    def put(self, table: sa.Table, **values: object) -> None:
        """Create a record."""
        with self.engine.begin() as connection:
            connection.execute(sa.insert(table), self._stamped(table) | values)

    def edit(self, id_: object, table: sa.Table = CUSTOMERS, **values: object) -> None:
        """Change a record."""
        values = self._stamped(table, table.c.edition + 1) | values
        with self.engine.begin() as connection:
            connection.execute(sa.update(table).where(table.c.id == id_).values(values))

    def remove(self, id_: object, table: sa.Table = CUSTOMERS) -> None:
        """Delete a record."""
        with self.engine.begin() as connection:
            connection.execute(sa.delete(table).where(table.c.id == id_))

    def _stamped(self, table: sa.Table, edition: object = 1) -> dict[str, object]:
        """What the service itself sets with every change."""
        own = {"modified": self.time.now().replace(tzinfo=None), "edition": edition}
        return {name: value for name, value in own.items() if name in table.c}

    def rows(self, table: sa.Table = CUSTOMERS) -> list[dict[str, Any]]:
        """What is stored."""
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(sa.select(table)).mappings()]

    # ---- its protocol

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        raw = request.url.raw_path.decode()
        assert "+" not in raw, "a blank is %20"
        parts = urlsplit(raw)
        path = unquote(parts.path).removeprefix("/api/v2.0/")
        with self.lock:
            answer = (
                self._batch(request) if path == "$batch" and self.batch else self._answer(request, path, parts.query)
            )
        answer.headers["date"] = format_datetime(self.time.now(), usegmt=True)
        return answer

    def _batch(self, request: httpx2.Request) -> httpx2.Response:
        """wire 2.5, 3.3: each part for itself, until one fails unless it is asked to go on."""
        self.asked.append("POST $batch")
        parts = json.loads(request.read(), parse_float=Decimal)["requests"]
        if len(parts) > 100:
            return _fault(500, "TooMany", "maximum number of '100'")
        go_on = self.goes_on and "odata.continue-on-error" in request.headers.get("prefer", "")
        replies = []
        for part in parts:
            answer = self._part(part)
            headers = {"content-type": "application/json", **dict(answer.headers)}
            body = json.loads(answer.content, parse_float=_Digits) if answer.content else None
            replies.append({"id": part["id"], "status": answer.status_code, "headers": headers, "body": body})
            if answer.status_code >= 400 and not go_on:
                break
        told = [each for each in replies[::-1] if each["id"] not in self.forgets]
        told += [each for each in replies if each["id"] in self.repeats]
        text = json.dumps({"responses": told}).replace('"#', "").replace('#"', "")
        return httpx2.Response(200, content=text.encode())

    def _part(self, part: Mapping[str, Any]) -> httpx2.Response:
        assert all(name == name.lower() for name in part["headers"]), "names of headers are in lower case"
        assert "://" not in part["url"] and "+" not in part["url"], "addresses are relative, and a blank is %20"
        parts = urlsplit(part["url"])
        content = json.dumps(part["body"], default=lambda value: f"#{value}#") if "body" in part else ""
        content = content.replace('"#', "").replace('#"', "")
        inner = httpx2.Request(part["method"], ROOT + part["url"], headers=part["headers"], content=content.encode())
        return self._answer(inner, unquote(parts.path), parts.query)

    def _answer(self, request: httpx2.Request, path: str, query: str) -> httpx2.Response:
        self.asked.append(f"{request.method} {path}{'?' + unquote(query) if query else ''}")
        options = dict(one.split("=", 1) for one in query.split("&") if one)
        if path in ("", "$metadata"):
            metadata = self.metadata or METADATA
            if self.batch:
                metadata = metadata.replace(b"</Schema>", BATCH + b"</Schema>")
            return httpx2.Response(200, content=metadata if path else b"{}")
        found = re.fullmatch(r"(\w+)(?:\((.*)\))?", path, re.DOTALL)
        if found is None or found[1] not in self.tables.tables:
            return _fault(404, "NotFound", "no such segment")
        table = self.tables.tables[found[1]]
        if request.method == "GET":
            return self._read(table, {name: unquote(value) for name, value in options.items()})
        number = sum(1 for line in self.asked if not line.startswith(("GET", "POST $batch")))
        for moment in (self.before, self.after):
            happens = moment.get(number)
            if moment is self.after:
                answer = self._write(request, table, found[2])
            if isinstance(happens, Exception):
                raise happens
            if happens is not None:
                return happens
        return answer

    def _read(self, table: sa.Table, options: Mapping[str, str]) -> httpx2.Response:
        statement = sa.select(table).order_by(*table.primary_key)
        if asked := options.get("$filter"):
            statement = statement.where(condition(table, asked, self.exact))
        skip = int(options.get("$skiptoken", 0))
        with self.engine.connect() as connection:
            rows = [dict(row) for row in connection.execute(statement).mappings()]
        names = options["$select"].split(",")
        page = [self._shown(row, names) for row in rows[skip : skip + self.page_rows]]
        text = f'{{"value": [{", ".join(page)}]'
        if skip + self.page_rows < len(rows):
            others = [f"{name}={value}" for name, value in options.items() if name != "$skiptoken"]
            link = "&".join([*others, f"$skiptoken={skip + self.page_rows}"]).replace(" ", "%20")
            text += f', "@odata.nextLink": {json.dumps(f"{table.name}?{link}")}'
        return httpx2.Response(200, content=(text + "}").encode())

    def _shown(self, row: Mapping[str, Any], names: list[str]) -> str:
        record = {name: _json(row[name]) for name in names}
        if "edition" in row:
            record["@odata.etag"] = f'W/"{row["edition"]}"'
        return self.spoil.get(str(row.get("id")), "") or json.dumps(record).replace('"#', "").replace('#"', "")

    def _write(self, request: httpx2.Request, table: sa.Table, key: str | None) -> httpx2.Response:
        body = json.loads(request.read() or b"{}", parse_float=Decimal)
        try:
            values = taken(table, body)
            with self.engine.begin() as connection:
                if key is None:
                    return self._insert(connection, table, values)
                return self._change(connection, table, _place(table, key), request, values)
        except Misfit as misfit:
            return _fault(400, "Unfit", str(misfit), misfit.column)
        except sa.exc.IntegrityError as error:
            return _fault(400, "Internal_EntityWithSameKeyExists", "it exists already", in_the_way(error))

    def _change(
        self, connection: sa.Connection, table: sa.Table, place: Any, request: httpx2.Request, values: dict[str, Any]
    ) -> httpx2.Response:
        row = connection.execute(sa.select(table).where(place)).mappings().first()
        if row is None:
            return _fault(404, "NotFound", "no such record")
        match = request.headers.get("if-match")
        if match is None:
            return _fault(428, "Required", "If-Match is required")
        if match != "*" and match != f'W/"{row["edition"]}"':
            return _fault(412, "Changed", "another user changed it")
        if request.method == "DELETE":
            connection.execute(sa.delete(table).where(place))
            return httpx2.Response(204)
        values |= self._stamped(table, row.get("edition", 0) + 1)
        connection.execute(sa.update(table).where(place).values(values))
        return self._representation(connection, table, {**row, **values}, 200)

    def _insert(self, connection: sa.Connection, table: sa.Table, values: dict[str, Any]) -> httpx2.Response:
        for column in table.columns:
            if not column.nullable and column.name not in values and column.autoincrement is not True:
                raise Misfit(column.name, "must have a value")
        if "number" in table.c and values.get("number") is None:
            values["number"] = f"N-{values['name']}"
        made = connection.execute(sa.insert(table), values | self._stamped(table)).inserted_primary_key
        return self._representation(connection, table, dict(zip(table.primary_key.c.keys(), made, strict=True)), 201)

    def _representation(
        self, connection: sa.Connection, table: sa.Table, known: Mapping[str, Any], status: int
    ) -> httpx2.Response:
        """The record with the key that stands in `known`."""
        if self.minimal:
            return httpx2.Response(204)
        place = sa.and_(*(column == known[column.name] for column in table.primary_key))
        row = connection.execute(sa.select(table).where(place)).mappings().one()
        names = [column.name for column in table.columns if column.name != "edition"]
        return httpx2.Response(status, content=self._shown(row, names).encode())


class _Digits(str):
    """A number whose digits are kept."""

    def __new__(cls, digits: str) -> "_Digits":
        return super().__new__(cls, f"#{digits}#")


def _fault(status: int, code: str, text: str, target: str | None = None) -> httpx2.Response:
    told = {"code": code, "message": text, "target": target}
    return httpx2.Response(status, content=json.dumps({"error": told}).encode())


def _json(value: object) -> object:
    """`#` marks a number whose digits are kept."""
    if isinstance(value, Decimal):
        return f"#{value}#"
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds" if value.microsecond % 1000 else "milliseconds") + "Z"
    return value if value is None or isinstance(value, int) else str(value)


def _place(table: sa.Table, key: str) -> sa.ColumnElement[bool]:
    """The record that a key in an address names."""
    columns = list(table.primary_key)
    texts = (
        [key]
        if len(columns) == 1
        else [part.partition("=")[2] for part in re.findall(r"\w+=(?:'(?:[^']|'')*'|[^,]+)", key)]
    )
    values = [text[1:-1].replace("''", "'") if text.startswith("'") else text for text in texts]
    return sa.and_(*(column == value for column, value in zip(columns, values, strict=True)))


def moment(seconds: float) -> datetime:
    """A moment of the service's clock."""
    return datetime(2026, 3, 1, 9, tzinfo=UTC) + timedelta(seconds=seconds)
