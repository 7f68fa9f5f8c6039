"""Addresses: what Business Central makes of city, post code and country never stays a secret (wire 4.3.11, law 4)."""

import json
from pathlib import Path

import httpx2
import pytest

from koppel.app import SECRET_VARIABLE, Koppel
from koppel.connectors.business_central.places import sent_again
from koppel.connectors.business_central.system import Place
from koppel.connectors.odata.message import Answer, Request
from koppel.model.values import ID
from koppel.model.write import ALTERED, CODE, MESSAGE
from koppel.ports import NumberKeeper
from koppel.sandbox.business_central.company import PostCode
from tests.beside import Database, uid
from tests.business_central.erp import Erp, standard
from tests.business_central.writes import CREATE, written

CRM = Database("crm")
sql = CRM.sql
TOML = (
    CRM.toml
    + """
[systems.erp]
connector = "business-central"
url = "https://erp.example"
environment = "Rehearsal"
company = "CRONUS NL"
auth = {tenant = "t", client = "c", secret = "env:KOPPEL_SANDBOX_SECRET"}
[mappings.CUSTOMER]
left = "erp.customers"
right = "crm.account"
only_coupled = false
together = [["city", "state", "country", "postalCode"]]
fields = [
  "number -> number",
  "displayName <-> name",
  "postalCode <-> postcode",
  "city <-> city",
  "state <-> county",
  "country <-> country",
]
"""
)

Row = tuple[object, ...]


@pytest.fixture
def erp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Erp:
    """The environment behind the configuration, beside an empty database."""
    erp = standard()

    def opened(
        name: str, url: str, auth: object, place: Place, ca_file: object, keeper: NumberKeeper, *_: object
    ) -> object:
        erp.keeper = keeper
        return erp.connected()

    monkeypatch.setattr("koppel.connectors.business_central.open_system", opened)
    monkeypatch.setenv(SECRET_VARIABLE, "s3cr3t")
    (tmp_path / "koppel.toml").write_text(TOML, encoding="utf-8")
    columns = "id UUIDTEXT PRIMARY KEY, number TEXT, name TEXT NOT NULL, city TEXT, county TEXT, country TEXT"
    CRM.create(tmp_path, f"CREATE TABLE account ({columns}, postcode TEXT)")
    return erp


def put(folder: Path, city: object, county: object, country: object, postcode: object) -> None:
    """An account, new or moved."""
    sql(folder, "INSERT OR IGNORE INTO account (id, name) VALUES (?, 'Bakker')", uid(1))
    moved = "UPDATE account SET city = ?, county = ?, country = ?, postcode = ?"
    sql(folder, moved, city, county, country, postcode)


def places(folder: Path, erp: Erp) -> tuple[list[Row], list[Row]]:
    """City, county, country and post code on both sides, blank as blank."""
    names = ("City", "County", "Country/Region Code", "Post Code")
    rows = erp.central.company.rows.tables["Customer"].values()
    held = sql(folder, "SELECT coalesce(city, ''), coalesce(county, ''), coalesce(country, ''), postcode FROM account")
    return [tuple(row[name] for name in names) for row in rows], [(*row[:3], row[3] or "") for row in held]


def sync(folder: Path, erp: Erp) -> list[tuple[str, str]]:
    """One run, an hour later: code and field of what is open then."""
    erp.central.clock.advance(3600)
    erp.line.asked.clear()
    with Koppel.open(folder / "koppel.toml") as koppel:
        assert [str(job.state) for job in koppel.sync().jobs] == ["done"]
        assert not koppel.conflicts()
        return [(error.code, error.field) for error in koppel.errors()]


def changed(erp: Erp) -> list[list[str]]:
    """The members of every PATCH of the last run."""
    return [list(json.loads(one.content)) for one in erp.line.asked if one.method == "PATCH"]


UTRECHT = ("Utrecht", None, "NL", "3511 CD")


@pytest.mark.parametrize(
    ("before", "place"),
    [
        (UTRECHT, ("Amsterdam", "Berlin", "DE", "10115")),  # a city that is known in another country
        (None, ("Amsterdam", None, "BE", "2000")),  # a post code that is known of another city
    ],
)
def test_a_place_that_the_service_does_not_keep_is_an_error(
    tmp_path: Path, erp: Erp, before: Row | None, place: Row
) -> None:
    """Law 4: where the sides differ an error is open. It is tried twice, and then waits for a person."""
    if before is not None:
        put(tmp_path, *before)
        assert sync(tmp_path, erp) == []
    put(tmp_path, *place)
    source = places(tmp_path, erp)[1]
    assert sync(tmp_path, erp) == [("altered", "postcode, country")]
    assert places(tmp_path, erp)[0] == [("Amsterdam", place[1] or "", "NL", "1012 AB")]
    with Koppel.open(tmp_path / "koppel.toml") as koppel:
        (error,) = koppel.errors()
    assert "page Post Codes" in error.message and "Amsterdam" not in error.message
    assert sync(tmp_path, erp) == [("altered", "postcode, country")] and changed(erp)
    assert sync(tmp_path, erp) == [("altered", "postcode, country")] and not changed(erp)
    assert places(tmp_path, erp)[1] == source, "the address of the source stays"
    put(tmp_path, "Köln", None, "DE", "50667")
    assert sync(tmp_path, erp) == []
    assert places(tmp_path, erp)[0] == places(tmp_path, erp)[1] == [("Köln", "", "DE", "50667")]


def test_a_place_that_can_arrive_does(tmp_path: Path, erp: Erp) -> None:
    """… whichever of its fields has to stand last, also where the company knows a county that was not sent."""
    erp.central.company.post_codes = (PostCode("1012 AB", "Amsterdam", "Noord-Holland", "NL"),)
    put(tmp_path, *UTRECHT)
    assert sync(tmp_path, erp) == []
    for place in [
        ("Neustadt", "Sachsen", "DE", "99999"),  # another country clears what went before it
        ("Assen", "", "NL", "1012 AB"),  # the post code brings another city
        ("Amsterdam", "", "NL", "9999 ZZ"),  # the city brings another post code
        ("amsterdam ", "", "nl", "1012 ab"),  # another spelling is none
    ]:
        put(tmp_path, *place)
        assert sync(tmp_path, erp) == []
        (left,), (right,) = places(tmp_path, erp)
        assert [str(value).casefold() for value in left] == [value.strip().casefold() for value in place]
        assert right == place, "a spelling does not travel back"
    assert sync(tmp_path, erp) == [] and not changed(erp), "a further run writes nothing"


def test_what_is_filled_in_for_a_blank_travels_back(tmp_path: Path, erp: Erp) -> None:
    """A known city brings its country: nobody meant another one, so the other side takes it."""
    put(tmp_path, "Utrecht", None, None, None)
    assert sync(tmp_path, erp) == []
    assert places(tmp_path, erp) == ([("Utrecht", "", "NL", "3511 CD")], [("Utrecht", "", "NL", "3511 CD")])
    put(tmp_path, "Amsterdam", None, None, "1012 AB")
    assert sync(tmp_path, erp) == []
    held = [("Amsterdam", "", "NL", "1012 AB")]
    assert places(tmp_path, erp) == (held, held)
    assert sync(tmp_path, erp) == [] and not changed(erp), "a further run writes nothing"


def test_a_place_that_is_refused_the_second_time_is_an_error(tmp_path: Path, erp: Erp) -> None:
    """What the first request has left is not agreed; the next run mends it."""
    put(tmp_path, *UTRECHT)
    assert sync(tmp_path, erp) == []
    put(tmp_path, "Assen", None, "NL", "1012 AB")
    said = {"error": {"code": "Application_DialogException", "message": "Assen is not to my taste."}}
    patch, refused = ("PATCH", "customers"), httpx2.Response(400, json=said)
    erp.line.before[patch] = lambda: erp.line.before.update({patch: refused})
    assert sync(tmp_path, erp) == [("altered", "city")]
    assert len(changed(erp)) == 2, "what was refused is not tried in another order"
    with Koppel.open(tmp_path / "koppel.toml") as koppel:
        assert "… is not to my taste" in koppel.errors()[0].message
    assert sync(tmp_path, erp) == []
    assert places(tmp_path, erp)[0] == places(tmp_path, erp)[1] == [("Assen", "", "NL", "1012 AB")]


def test_the_outcome_names_the_fields_that_are_kept_otherwise(erp: Erp) -> None:
    """The page a connector author reads: the row is written, and ALTERED says of what something else is stored."""
    rows = [{"displayName": "a", "city": "Amsterdam", "country": "DE"}, {"displayName": "b", "city": "Utrecht"}]
    first, second = written(erp, erp.table(), CREATE, rows, ["city", "country"])
    assert (first[CODE], first[ALTERED], first["country"]) == ("written", ["country"], "NL")
    assert (second[CODE], second[ALTERED], second[MESSAGE]) == ("written", None, None)


def test_a_place_goes_again_under_a_version_only_and_asks_for_what_is_stored() -> None:
    """Found by a review: an answer without an etag led to an empty If-Match."""
    body = {"city": "Assen", "country": "NL"}
    stored = {"id": uid(1), "city": "Amsterdam", "country": "NL"}

    def again(**more: str) -> Request | None:
        answer = Answer("", 200, {}, json.dumps(stored | more).encode())
        return sent_again("customers", body, answer, ("country", "city"))

    assert again() is None
    request = again(**{"@odata.etag": "W/1"})
    assert request is not None
    assert (request.headers["If-Match"], request.headers["Prefer"]) == ("W/1", "return=representation")


def test_an_answer_without_a_body_keeps_what_the_one_before_said(erp: Erp) -> None:
    """204 to the second request of a create: which record it made stands in the first answer only."""
    erp.line.after["PATCH", "customers"] = lambda _: httpx2.Response(204)
    (row,) = written(erp, erp.table(), CREATE, [{"displayName": "a", "city": "Amsterdam", "country": "DE"}])
    assert row[CODE] == "written" and row[ID] in erp.central.company.rows.tables["Customer"]
