"""Rights on single tables, given by permission sets: what koppel says and does when one is missing (wire 2.1, 2.8)."""

import pytest

from koppel.errors import Denied
from koppel.model.write import CODE, WriteKind
from koppel.ports import Use
from koppel.sandbox.business_central.company import Right
from tests.business_central.erp import Erp
from tests.business_central.writes import CREATE, DELETE, UPDATE, told, written

NEEDED = {CREATE: Right.INSERT, UPDATE: Right.MODIFY, DELETE: Right.DELETE}
ENGLISH = pytest.mark.parametrize("english", [True, False])


@ENGLISH
def test_without_the_right_to_read_nothing_is_read(erp: Erp, english: bool) -> None:
    """The service says which right, in every language; `check` says it before a run, and who can give it."""
    erp.central.switch(english=english)
    erp.central.withhold("customers", Right.READ)
    with pytest.raises(Denied, match=r"403.*TableData 18 Customer Read"):
        told(erp.table(), None)
    uses = {name: Use(frozenset({"number"}), False) for name in ("customers", "vendors")}
    (found,) = erp.system.check(uses)
    assert (found.table, found.grave) == ("customers", True) and "TableData 18 Customer Read" in found.text
    assert "Microsoft Entra Applications" in found.remedy


@ENGLISH
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("kind", NEEDED)
def test_without_the_right_to_write_the_job_fails(erp: Erp, kind: WriteKind, rows: int, english: bool) -> None:
    """Alone and in batches, once, with what has to be done; no record is to blame (DESIGN 12). What may be done to
    other tables is done.
    """
    erp.central.switch(english=english)
    table = erp.table()
    ids = [erp.central.others.create("customers", {"displayName": "x"}) for _ in range(rows)]
    erp.central.withhold("customers", NEEDED[kind])
    values = [{"id": None if kind is CREATE else id_, "displayName": f"n{at}"} for at, id_ in enumerate(ids)]
    with pytest.raises(Denied, match=rf"TableData 18 Customer {NEEDED[kind]}.*give the app a permission set") as raised:
        written(erp, table, kind, values)
    assert raised.value.undone
    assert len([one for one in erp.line.asked if one.method != "GET"]) == 1
    assert {row["Name"] for row in erp.central.company.rows.tables["Customer"].values()} == {"x"}
    (answer,) = written(erp, erp.table("vendors"), CREATE, [{"displayName": "v"}])
    assert answer[CODE] == "written"
