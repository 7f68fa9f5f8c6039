"""An OData V4 service as a system: opening it, its identity, its clock, its tables."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from threading import Lock
from urllib.parse import urlsplit

from koppel.connectors.agreed.names import column_named, unknown, usual_stamp
from koppel.connectors.odata.batch import Batches
from koppel.connectors.odata.csdl import EntitySet, entity_sets
from koppel.connectors.odata.filter import Manners
from koppel.connectors.odata.message import Answer, Request
from koppel.connectors.odata.reading import Source
from koppel.connectors.odata.session import Session
from koppel.connectors.odata.stamps import change_stamp
from koppel.connectors.odata.table import OdataTable
from koppel.errors import BadAnswer, ConfigurationError, Problem
from koppel.model.values import KeyOrigin, Kind, TableShape
from koppel.ports import Finding, TableOptions, Use

USUAL_LAG = timedelta(minutes=1)
"""How late a change may appear when nobody says: a service takes its stamp before it commits (wire 4.3.19)."""

_KEYS = frozenset({Kind.TEXT, Kind.CODE, Kind.UUID, Kind.INTEGER, Kind.DATE})


def answered_at(system: str, answer: Answer) -> datetime:
    """What the service's clock said when it answered, to the second. Raises BadAnswer when it does not say."""
    try:
        moment = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        raise BadAnswer(system, "its answers carry no date", "a proxy in between may leave it out") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


class OdataSystem:
    """One service, whose tables are the entity sets of its `$metadata`, which is read once."""

    def __init__(self, session: Session, manners: Manners | None = None, batch: bool | None = None) -> None:
        """`batch`: whether many requests are sent in one; None: where the service says that it takes them."""
        self._session = session
        self._batch = batch
        self._batches = Batches(session)
        self._manners = manners or Manners()
        self._sets: Mapping[str, EntitySet] | None = None
        self._lock = Lock()

    @property
    def name(self) -> str:
        """The name the configuration gives it."""
        return self._session.system

    def identity(self) -> str:
        """Which installation this is: its address, for a service has no other name of its own."""
        parts = urlsplit(self._session.root)
        return f"odata:{parts.netloc.lower()}{parts.path}"

    def now(self) -> datetime:
        """What the service's clock says, to the second: the `Date` of an answer."""
        return answered_at(self.name, self._session.read(Request("GET", ""), "asking for the service document"))

    def tables(self) -> tuple[str, ...]:
        """The names of its entity sets."""
        return tuple(self._entity_sets())

    def _entity_sets(self) -> Mapping[str, EntitySet]:
        with self._lock:
            if self._sets is None:
                request = Request("GET", "$metadata", {"Accept": "application/xml"})
                answer = self._session.read(request, "reading $metadata")
                self._sets = entity_sets(self.name, answer.body)
            return self._sets

    def table(self, name: str, options: TableOptions) -> OdataTable:
        """Open an entity set. `options.modified` '' means: no change stamp.

        Raises ConfigurationError when there is none, its records cannot be told apart, or its stamps not be compared.
        """
        sets = self._entity_sets()
        if name not in sets:
            raise unknown(self.name, f"there is no table {name}", name, tuple(sets), "its tables are")
        entity_set, where = sets[name], f"{self.name}.{name}"
        key = self._key(entity_set, options, where)
        fields = tuple(each.shape for each in entity_set.properties.values())
        usual = usual_stamp(field.name for field in fields if field.kind is Kind.DATETIME)
        stamp = change_stamp(fields, usual, options.modified, where)
        batch = entity_set.json_batch if self._batch is None else self._batch
        source = Source(self._session, entity_set, key, stamp, self._batches if batch else None)
        shape = TableShape(
            name,
            fields,
            key,
            KeyOrigin.GENERATED if entity_set.computed & set(key) else KeyOrigin.CHOSEN,
            stamp,
            timedelta(seconds=10.0 ** -min(6, entity_set.properties[stamp].second_digits))
            if stamp
            else timedelta(microseconds=1),
        )
        lag = USUAL_LAG if options.lag is None else options.lag
        return OdataTable(source, shape, lag, self._manners, self.now)

    def _key(self, entity_set: EntitySet, options: TableOptions, where: str) -> tuple[str, ...]:
        """The declared key: no other one names a record in an address."""
        named = tuple(column_named(entity_set.properties, name, where) for name in options.key or entity_set.key)
        if not named or set(named) != set(entity_set.key):
            what = f"records are addressed by {', '.join(entity_set.key) or 'no key'}"
            raise ConfigurationError([Problem(where, what, "leave the key out of the mapping")])
        strange = [name for name in entity_set.key if entity_set.properties[name].shape.kind not in _KEYS]
        if strange:
            what = f"{', '.join(strange)} cannot be part of an id"
            raise ConfigurationError([Problem(where, what, "keys are texts, uuids, whole numbers and dates")])
        return entity_set.key

    def check(self, uses: Mapping[str, Use]) -> Sequence[Finding]:
        """Nothing: what its tables need is told when they are opened."""
        return ()

    def currency(self) -> None:
        """Not known."""

    def close(self) -> None:
        """Close every connection."""
        self._session.close()
