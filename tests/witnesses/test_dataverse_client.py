"""Microsoft's Python SDK for Dataverse (wire 3.1)."""

from collections.abc import Iterator

import pytest

from koppel.sandbox.server import Sandbox

pytest.importorskip("PowerPlatform.Dataverse", reason="the Dataverse SDK of Microsoft is not installed: make witnesses")

from azure.core.credentials import AccessToken
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError
from PowerPlatform.Dataverse.models.upsert import UpsertItem


class Credential:
    """A token that is good for now."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        return AccessToken(self._token, 4_000_000_000)


@pytest.fixture
def client(sandbox: Sandbox, token: str) -> Iterator[DataverseClient]:
    with DataverseClient(sandbox.dataverse.url, Credential(token)) as made:
        yield made


def test_rows_one_by_one(client: DataverseClient) -> None:
    """Choices are told by their label, which it looks up in the metadata."""
    id_ = client.records.create("account", {"name": "O'Brien & Søn", "customertypecode": "Customer", "revenue": 10.5})
    client.records.update("account", id_, {"telephone1": "+31 20 1"})
    found = client.records.retrieve("account", id_, select=["name", "telephone1", "customertypecode", "revenue"])
    assert found is not None
    assert (found["name"], found["telephone1"]) == ("O'Brien & Søn", "+31 20 1")
    assert (found["customertypecode"], found["revenue"]) == (3, 10.5)
    client.records.delete("account", id_)
    assert client.records.retrieve("account", id_) is None


def test_rows_in_bulk_and_a_filter_in_pages(client: DataverseClient) -> None:
    ids = client.records.create("account", [{"name": f"bulk a+b {number}"} for number in range(5)])
    client.records.update("account", ids, {"telephone1": "1"})
    pages = client.records.list_pages(
        "account", select=["name"], filter="startswith(name,'bulk a+b') and telephone1 eq '1'", page_size=2
    )
    assert [len(list(page)) for page in pages] == [2, 2, 1]
    client.records.delete("account", ids, use_bulk_delete=False)


def test_upserts_by_alternate_key(client: DataverseClient) -> None:
    items = [UpsertItem({"accountnumber": f"KEY{number}"}, {"name": f"k{number}"}) for number in range(3)]
    client.records.upsert("account", items[:1])
    client.records.upsert("account", items)
    found = client.records.list("account", select=["name"], filter="startswith(accountnumber,'KEY')")
    assert sorted(row["name"] for row in found) == ["k0", "k1", "k2"]


def test_a_batch_with_a_change_set(client: DataverseClient) -> None:
    """Its addresses have blanks in them, and `$1` names what the change set has made."""
    batch = client.batch.new()
    batch.records.create("account", {"name": "before x y"})
    batch.records.list("account", select=["name"], filter="name eq 'before x y'")
    with batch.changeset() as changes:
        made = changes.records.create("account", {"name": "change"})
        changes.records.update("account", made, {"name": "changed x y"})
    result = batch.execute()
    assert not result.has_errors, result
    assert len(list(client.records.list("account", select=["name"], filter="name eq 'changed x y'"))) == 1


def test_it_is_told_why_a_row_is_refused(client: DataverseClient) -> None:
    with pytest.raises(HttpError, match="nothing"):
        client.records.create("account", {"nothing": 1})
