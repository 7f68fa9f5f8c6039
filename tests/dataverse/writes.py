"""Short ways to say a write to Dataverse."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from koppel.connectors.dataverse.table import DataverseTable
from koppel.model.write import WriteKind
from koppel.testing.contract import uuid
from koppel.testing.stage import written
from tests.dataverse.crm import Crm

Row = Mapping[str, object]


class _Now:
    """Of a stage, what `written` asks for."""

    def __init__(self, far: Crm) -> None:
        self._clock = far.web.clock

    def now(self) -> datetime:
        return self._clock.now()


def create(far: Crm, table: DataverseTable, *rows: Row, want: Sequence[str] = ()) -> list[dict[str, object]]:
    """New rows; those without an id get the next ones."""
    used = len(far.web.environment.rows.tables[table.describe().name])
    given = [{"id": uuid(1000 + used + at), **row} for at, row in enumerate(rows)]
    return written(_Now(far), table, WriteKind.CREATE, given, want=want)  # type: ignore[arg-type]


def update(
    far: Crm,
    table: DataverseTable,
    *rows: Row,
    expected: Sequence[Row] | None = None,
    want: Sequence[str] = (),
) -> list[dict[str, object]]:
    """Changes of rows."""
    return written(_Now(far), table, WriteKind.UPDATE, rows, expected, want)  # type: ignore[arg-type]


def delete(far: Crm, table: DataverseTable, *ids: str) -> list[dict[str, object]]:
    """Deletions."""
    return written(_Now(far), table, WriteKind.DELETE, [{"id": id_} for id_ in ids])  # type: ignore[arg-type]
