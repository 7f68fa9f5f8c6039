"""The traps of wire 4.3 in reading, by their number: the sandbox sets them, the connector does not fall into them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import httpx2
import polars as pl
import pytest

from koppel.connectors.business_central.opening import USUAL_LIMITS
from koppel.errors import BadAnswer, ConfigurationError
from koppel.model.values import FAULT, ID, OP, VERSION
from koppel.ports import Feed, Want
from tests.business_central.erp import Erp, SideBySide
from tests.business_central.writes import UPDATE, new, row_of, told, written
from tests.sandbox.central import ZERO

LATER = 3600.0


def replaced(old: bytes, by: bytes) -> Callable[[httpx2.Response], httpx2.Response]:
    """An answer with something else in it."""
    return lambda response: httpx2.Response(
        response.status_code,
        headers={name: text for name, text in response.headers.items() if name != "content-length"},
        content=response.content.replace(old, by),
    )


def test_1_no_tombstones(erp: Erp, app: Erp) -> None:
    """A standard page tells no deletion, a keyed read does; the log of an app tells them."""
    for each, reported in ((erp, False), (app, True)):
        table = each.table()
        id_ = new(each, table, **({"id": "0190a5f2-0000-7000-8000-000000000001"} if reported else {}))
        each.central.clock.advance(LATER)
        cursor = table.changes(None, Want(())).cursor
        each.central.others.delete("customers", id_)
        assert table.features.reports_deletions is reported
        assert (id_ in told(table, cursor)) is reported
        assert table.fetch(pl.Series([id_]), Want(())).is_empty()


def test_2_rename_keeps_the_id(erp: Erp) -> None:
    table = erp.table()
    id_ = new(erp, table, number="OLD")
    erp.central.others.edit("customers", id_, {"number": "NEW"})
    assert row_of(table, id_, "number")["number"] == "NEW"
    erp.central.others.delete("customers", id_)
    assert new(erp, table, number="NEW") != id_


def test_7_five_requests_of_a_user_at_once(erp: Erp) -> None:
    """Never more than the service works on, so that none has to wait in its queue."""
    erp.line = line = SideBySide(erp.central)
    limits = erp.central.service.limits
    limits.allowance = replace(limits.allowance, queued=0)
    with line.running():
        assert (
            erp.table()
            .fetch(pl.Series([f"{at:08}-0000-4000-8000-000000000000" for at in range(600)]), Want(()))
            .is_empty()
        )
    assert 1 < line.most <= USUAL_LIMITS.most_lanes < limits.allowance.concurrent
    assert {*line.statuses} == {200}


def test_17_sums_change_without_a_stamp(erp: Erp) -> None:
    """They are told to be computed, cannot be written, and are seen when everything is compared."""
    table = erp.table()
    id_ = new(erp, table)
    version = row_of(table, id_)[VERSION]
    erp.central.clock.advance(LATER)
    cursor = table.changes(None, Want(())).cursor
    erp.central.others.owe(id_, Decimal(7))
    assert told(table, cursor) == [] and row_of(table, id_)[VERSION] == version
    field = table.describe().field("balanceDue")
    assert field is not None and field.read_only and "balanceDue is computed" in table.features.caveat
    (page,) = table.changes(None, Want(("balanceDue",))).pages
    assert page["balanceDue"].to_list() == [7]


def test_18_the_company_is_part_of_the_identity(erp: Erp) -> None:
    """A copied company has records with the same ids."""
    copy = Erp(erp.central, company="CRONUS NL copy")
    assert erp.system.identity() != copy.system.identity()
    currency = erp.table("currencies").find(pl.DataFrame({OP: [1], "code": ["USD"]}), False)[ID][0]
    written(copy, copy.table("currencies"), UPDATE, [{"id": currency, "displayName": "theirs"}])
    assert row_of(erp.table("currencies"), currency, "displayName")["displayName"] != "theirs"
    with pytest.raises(ConfigurationError, match="several companies, and none is named"):
        Erp(erp.central, company="").system.identity()
    with pytest.raises(ConfigurationError, match="no company CRONUS NN"):
        Erp(erp.central, company="CRONUS NN").system.identity()


def test_19_late_commits_appear_in_the_past(erp: Erp, app: Erp) -> None:
    """By stamp: the feed reaches back for as long as an operation may take. By row version: it begins at the oldest
    open transaction, and nothing has to be waited for.
    """
    for each in (erp, app):
        table = each.table()
        id_ = each.central.others.create("customers", {"displayName": "x"})
        each.central.clock.advance(LATER)
        held = each.central.others.hold("customers", id_, {"displayName": "late"})
        each.central.clock.advance(480.0)
        cursor = table.changes(None, Want(())).cursor
        each.central.others.release(held)
        each.central.clock.advance(60.0)
        assert told(table, cursor) == [id_]
    assert app.table().features.lag == timedelta(0) and app.table().features.feed is Feed.TOKEN


def test_20_no_replica_is_read(erp: Erp) -> None:
    table = erp.table()
    erp.central.company.freeze_replica(True)
    id_ = new(erp, table)
    assert row_of(table, id_, "displayName")["displayName"] == "Bakker"
    assert not any("Data-Access-Intent" in one.headers for one in erp.line.asked)


def test_21_nothing_depends_on_webhooks(erp: Erp) -> None:
    """They expire, collapse, and keep silent about some users: what changed is asked for."""
    table = erp.table()
    cursor = table.changes(None, Want(())).cursor
    id_ = erp.central.others.create("customers", {"displayName": "x"})
    assert told(table, cursor) == [id_]
    assert not any("subscriptions" in target for target in erp.line.targets)


def test_23_a_closing_date_is_that_records_fault(erp: Erp) -> None:
    table = erp.table("contacts")
    for name in ("a", "b"):
        erp.central.others.create("contacts", {"displayName": name, "type": "Person"})
    erp.line.after["GET", "contacts"] = lambda response: httpx2.Response(
        200, content=response.content.replace(b'"0001-01-01"', b'"C31-12-24"', 1)
    )
    (page,) = table.changes(None, Want(("lastInteractionDate",))).pages
    assert page[FAULT].to_list() == ["lastInteractionDate: out_of_range", None]


def test_27_maintenance(erp: Erp) -> None:
    """A busy service is asked again; an environment that is not there is a matter of the configuration."""
    table = erp.table()
    new(erp, table)
    erp.line.before["GET", "customers"] = httpx2.Response(503)
    assert len(told(table, None)) == 1
    erp.central.environment.name = "Moved"
    with pytest.raises(BadAnswer, match=r"NoEnvironment(.|\n)*check the url"):
        erp.table()


def test_28_no_schema_version_is_asked_for(erp: Erp) -> None:
    """Nothing koppel asks needs a newer one, and with another one names and members may be others."""
    table = erp.table()
    id_ = new(erp, table)
    row_of(table, id_, "number")
    told(table, None)
    assert not any("schemaversion" in target.lower() for target in erp.line.targets)


def test_29_pages_without_an_id_are_no_tables(erp: Erp) -> None:
    """OData pages are keyed by number, which changes."""
    erp.line.after["GET", "$metadata"] = replaced(
        b'EntityType Name="item"><Key><PropertyRef Name="id"', b'EntityType Name="item"><Key><PropertyRef Name="number"'
    )
    assert "items" not in erp.system.tables() and "customers" in erp.system.tables()
    assert ZERO not in str(erp.system.tables())
