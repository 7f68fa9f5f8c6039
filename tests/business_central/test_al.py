"""The app that is written from the mappings is the one that was looked at: it cannot be compiled here."""

import json
from pathlib import Path

import pytest

from koppel.app import Koppel
from koppel.errors import ConfigurationError
from tests.beside import Database

GOLDEN = Path(__file__).parent / "app"
TOML = (
    Database("crm").toml
    + """
[systems.erp]
connector = "business-central"
url = "https://api.businesscentral.dynamics.com"
environment = "Production"
api = "{api}"
auth = {{tenant = "t", client = "c", secret = "env:BC_SECRET"}}
[mappings.CUSTOMER]
left = "erp.customers"
right = "crm.account"
left_filter = "blocked = ''"
match = ["email = email"]
fields = ["displayName <-> name", "faxNo <-> fax", "creditLimit -> credit", "{more} -> more"]
[mappings.CONTACT]
left = "erp.contacts"
right = "crm.contact"
fields = [
  "surname <-> name",
  "companyNumber <-> company @ CUSTOMER [linkToTable = 'Customer'] via erp.contactBusinessRelations(contactNo -> no)",
]
"""
)


def opened(folder: Path, api: str = "contoso/sync/v1.0", more: str = "city") -> Koppel:
    (folder / "koppel.toml").write_text(TOML.format(api=api, more=more), encoding="utf-8")
    return Koppel.open(folder / "koppel.toml")


def test_the_app_is_the_one_that_was_looked_at(tmp_path: Path) -> None:
    """To look at it again: delete tests/business_central/app, and let `koppel export --al` write it."""
    with opened(tmp_path) as koppel:
        files = koppel.export_al(tmp_path / "al")
    golden = {str(path.relative_to(GOLDEN)): path for path in GOLDEN.rglob("*") if path.is_file()}
    assert sorted(golden) == sorted(files)
    for name, path in golden.items():
        assert (tmp_path / "al" / name).read_text(encoding="utf-8") == path.read_text(encoding="utf-8"), name


def test_every_object_has_an_id_of_the_apps_range(tmp_path: Path) -> None:
    with opened(tmp_path) as koppel:
        koppel.export_al(tmp_path / "al")
    (range_,) = json.loads((tmp_path / "al/app.json").read_text())["idRanges"]
    heads = [path.read_text().split()[:2] for path in (tmp_path / "al/src").iterdir()]
    ids = [(kind, int(number)) for kind, number in heads]
    assert len(set(ids)) == len(ids) and all(range_["from"] <= number <= range_["to"] for _, number in ids)


@pytest.mark.parametrize(
    ("api", "more", "what"),
    [
        ("v2.0", "city", "it uses the standard pages"),
        ("contoso/sync/v1.0", "shoeSize", "does not know what shoeSize is in AL"),
    ],
)
def test_what_cannot_be_written_is_said(tmp_path: Path, api: str, more: str, what: str) -> None:
    with opened(tmp_path, api, more) as koppel, pytest.raises(ConfigurationError, match=what):
        koppel.export_al(tmp_path / "al")
    assert not (tmp_path / "al").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    with opened(tmp_path) as koppel, pytest.raises(ConfigurationError, match="something in it already"):
        koppel.export_al(tmp_path)
