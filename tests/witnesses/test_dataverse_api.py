"""dataverse-api, a client by M. Risanger (wire 3.2b): other forms of batches, and metadata nobody else asks for."""

from collections.abc import Iterator

import pytest
import requests

from koppel.sandbox.server import Sandbox

dataverse_api = pytest.importorskip("dataverse_api", reason="dataverse-api is not installed: make witnesses")


@pytest.fixture
def account(sandbox: Sandbox, token: str) -> Iterator["dataverse_api.entity.DataverseEntity"]:
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        yield dataverse_api.DataverseClient(session, sandbox.dataverse.url).entity("account")


def test_it_learns_what_the_table_is(account: "dataverse_api.entity.DataverseEntity") -> None:
    assert (account.entity_set_name, account.primary_id_attr) == ("accounts", "accountid")
    assert account.alternate_keys == {"new_accountnumber_key": ["accountnumber"]}
    assert account.supports_create_multiple and account.supports_update_multiple


@pytest.mark.parametrize("mode", ["individual", "multiple", "batch"])
def test_rows_in_each_of_its_ways(account: "dataverse_api.entity.DataverseEntity", mode: str) -> None:
    account.create([{"name": f"{mode} one"}, {"name": f"{mode} two"}], mode=mode)
    found = account.read(select=["accountid", "name"], filter=f"startswith(name,'{mode} ')", page_size=1)
    assert sorted(row["name"] for row in found) == [f"{mode} one", f"{mode} two"]
    ids = [row["accountid"] for row in found]
    account.delete(ids=ids, mode="individual" if mode == "individual" else "batch")
    assert account.read(select=["name"], filter=f"startswith(name,'{mode} ')") == []


@pytest.mark.parametrize("mode", ["individual", "batch"])
def test_upserts_by_alternate_key(account: "dataverse_api.entity.DataverseEntity", mode: str) -> None:
    for name in ("first", "second"):
        rows = [{"accountnumber": f"{mode[:3]}{number}", "name": f"{name} {number}"} for number in range(2)]
        account.upsert(rows, mode=mode, altkey_name="new_accountnumber_key")
    found = account.read(select=["name"], filter=f"startswith(accountnumber,'{mode[:3]}')")
    assert sorted(row["name"] for row in found) == ["second 0", "second 1"]


def test_a_key_as_python_writes_it_is_refused(account: "dataverse_api.entity.DataverseEntity") -> None:
    """`accountnumber="A'1"` is no OData (wire 3.2b); the client goes on after a refusal, so the rows are looked at."""
    row = {"accountnumber": "A'1", "name": "never"}
    account.upsert([row], mode="individual", altkey_name="new_accountnumber_key")
    assert account.read(select=["name"], filter="name eq 'never'") == []
