"""`initial_load`: nobody's plug-ins and flows for a first full run, and only when somebody says so (wire 1.1)."""

import pytest

from koppel.model.values import ID
from koppel.ports import Want
from tests.dataverse.crm import Crm
from tests.dataverse.writes import create, delete, update
from tests.sandbox.web import web

HEADERS = ("MSCRM.BypassBusinessLogicExecution", "MSCRM.SuppressCallbackRegistrationExpanderJob")


@pytest.mark.parametrize("initial_load", [False, True])
def test_what_is_written_holds_back_plug_ins_and_flows_when_it_is_said(initial_load: bool) -> None:
    far = Crm(web(0, 0), initial_load=initial_load)
    table = far.table()
    features = table.features
    assert features.rates is not None and ("held back" in features.rates.effects) is initial_load
    rows = create(far, table, {"name": "a"}, {"name": "b"})
    create(far, table, {"name": "c"})
    update(far, table, {"id": rows[0][ID], "name": "d"})
    delete(far, table, str(rows[1][ID]))
    list(table.changes(None, Want(("name",))).pages)
    said = []
    for request in far.line.asked:
        text = f"{request.url}\n{request.headers}\n{request.content.decode()}".lower()
        writes = any(word in text for word in ("\npost ", "\npatch ", "\ndelete ", "createmultiple"))
        for name in HEADERS:
            assert (name.lower() in text) is (writes and initial_load)
        said.append(writes)
    assert sum(said) == 4 and len(said) > 4
