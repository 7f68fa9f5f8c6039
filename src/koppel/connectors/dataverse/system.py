"""A Dataverse environment as a system: its identity, its clock, its tables."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from threading import Lock

import msgspec
import polars as pl

from koppel.connectors.agreed.names import unknown
from koppel.connectors.dataverse.calls import get
from koppel.connectors.dataverse.checking import MICROSOFTS, findings, microsofts_solution
from koppel.connectors.dataverse.currency import base_currency, rate
from koppel.connectors.dataverse.definition import Definition, definition_of
from koppel.connectors.dataverse.metadata import TableFacts, table_told, tables_told
from koppel.connectors.dataverse.security import security_told
from koppel.connectors.dataverse.source import Source
from koppel.connectors.dataverse.table import DataverseTable
from koppel.connectors.dataverse.targets import Targets
from koppel.connectors.odata.message import Answer
from koppel.connectors.odata.session import Session
from koppel.connectors.odata.stamps import change_stamp
from koppel.connectors.odata.system import answered_at
from koppel.errors import ConfigurationError, Problem
from koppel.model.values import ID, KeyOrigin, TableShape
from koppel.ports import Finding, TableOptions, Use

USUAL_LAG = timedelta(minutes=3)
"""How late a change may appear by its stamp: the service ends what takes longer than two minutes (wire 1.9)."""

FRESH_SECONDS = 60.0
"""How long metadata is believed: column security and change tracking are switched by people (wire 4.2.4, 4.2.6)."""


_INITIAL_LOAD = {
    "MSCRM.BypassBusinessLogicExecution": "CustomSync,CustomAsync",
    "MSCRM.SuppressCallbackRegistrationExpanderJob": "true",
}
"""Holds back the environment's own plug-ins, workflows and flows; needs prvBypassCustomBusinessLogic (wire 1.1)."""


class _Who(msgspec.Struct):
    OrganizationId: str
    UserId: str


class DataverseSystem:
    """One environment. `zone`: of date-times that carry none. `initial_load`: what is written starts neither plug-ins,
    workflows nor flows of the environment's own.
    """

    def __init__(self, session: Session, zone: str, initial_load: bool = False) -> None:
        self._session = session
        self._zone = zone
        self._writing = _INITIAL_LOAD if initial_load else {}
        self._tables: tuple[float, Mapping[str, TableFacts]] | None = None
        self._definitions: dict[str, tuple[float, Definition]] = {}
        self._lock = Lock()
        self._targets = Targets(self._existing)

    @property
    def name(self) -> str:
        """The name the configuration gives it."""
        return self._session.system

    @property
    def session(self) -> Session:
        """The way to the environment."""
        return self._session

    def identity(self) -> str:
        """The id of the organisation, which a copied environment does not share."""
        return f"dataverse:{self._told_who().OrganizationId.lower()}"

    def _user(self) -> str:
        """The systemuser id of koppel's application user."""
        return self._told_who().UserId

    def now(self) -> datetime:
        """What the service's clock says, to the second."""
        return answered_at(self.name, self._who())

    def _told_who(self) -> _Who:
        return self._who().read(_Who, self.name, "it does not say which organisation it is, and who koppel is there")

    def _who(self) -> Answer:
        return get(self._session, "WhoAmI", "asking who koppel is there")

    def tables(self) -> tuple[str, ...]:
        """The logical names of its tables."""
        return tuple(self._facts())

    def _facts(self) -> Mapping[str, TableFacts]:
        with self._lock:
            if self._tables is None or self._tables[0] < self._session.elapsed():
                found = tables_told(self._session)
                self._tables = (self._session.elapsed() + FRESH_SECONDS, found)
            return self._tables[1]

    def _definition(self, name: str) -> Definition:
        tables = self._facts()
        if name not in tables:
            raise unknown(self.name, f"there is no table {name}", name, tuple(tables), "its tables are")
        with self._lock:
            until, known = self._definitions.get(name, (0.0, None))
            if known is None or until < self._session.elapsed():
                told = table_told(self._session, name)
                user = self._user() if told.secured else ""
                security = security_told(self._session, user, name, told.secured)
                known = definition_of(tables[name], told, tables, security)
                self._definitions[name] = (self._session.elapsed() + FRESH_SECONDS, known)
            return known

    def _existing(self, table: str, ids: pl.Series) -> pl.Series:
        return Source(self._session, self._definition(table), None, self._zone).fetch(ids, ()).frame[ID]

    def table(self, name: str, options: TableOptions) -> DataverseTable:
        """Open a table by its logical name. `options.modified` '' means: no change stamp. Raises ConfigurationError."""
        definition, where = self._definition(name), f"{self.name}.{name}"
        if options.key not in (None, (definition.key,)):
            what = f"records are addressed by {definition.key}"
            raise ConfigurationError([Problem(where, what, "leave the key out of the mapping")])
        if definition.key not in definition.columns:
            raise ConfigurationError([Problem(where, "its rows have no id", "such a table cannot be synchronised")])
        stamp = change_stamp(definition.fields, definition.stamp, options.modified, where)
        shape = TableShape(name, definition.fields, (definition.key,), KeyOrigin.CHOSEN, stamp, timedelta(seconds=1))
        usual = timedelta(0) if definition.tracked else USUAL_LAG
        lag = usual if options.lag is None else options.lag
        source = Source(self._session, definition, stamp, self._zone, self._writing)
        return DataverseTable(source, shape, lag, self._targets, self.now)

    def check(self, uses: Mapping[str, Use]) -> Sequence[Finding]:
        """Rights to read and write, hidden columns, alternate keys without an index, Microsoft's own connector."""
        definitions = {name: self._definition(name) for name in uses}
        own = [microsofts_solution()] if MICROSOFTS in self._facts() else []
        return [*findings(self._session, self._user(), definitions, uses), *own]

    def currency(self) -> str | None:
        """The organisation's base currency."""
        return base_currency(self._session)

    def rate(self, code: str) -> Decimal | None:
        """What one unit of the base currency is worth in the currency with this ISO code."""
        return rate(self._session, code)

    def close(self) -> None:
        """Close every connection."""
        self._session.close()
