"""A secured column can be used where koppel was granted it, and never blanks the other side where it was not."""

import polars as pl
import pytest

from koppel.connectors.dataverse.table import DataverseTable
from koppel.errors import Denied, Unreachable
from koppel.model.values import FAULT, ID, OP
from koppel.model.write import CODE, FIELD, MESSAGE
from koppel.ports import Want
from koppel.sandbox.dataverse import service
from koppel.sandbox.dataverse.addresses import no_segment
from koppel.sandbox.dataverse.refusal import DENIED
from koppel.sandbox.dataverse.rights import Depth, Grant
from koppel.sandbox.refusal import Refusal
from koppel.testing.contract import codes
from koppel.testing.stage import fetched
from tests.dataverse.crm import Crm, crm
from tests.dataverse.writes import create, update

FAX = ("account", "fax")


@pytest.fixture
def far() -> Crm:
    far = crm()
    far.web.environment.secured.add(FAX)
    far.web.environment.granted[FAX] = Grant()
    return far


def found(table: DataverseTable, fax: str) -> list[str]:
    return table.find(pl.DataFrame({OP: [0], "fax": [fax]}), False)[ID].to_list()


def test_a_granted_column_is_a_column_like_any_other(far: Crm) -> None:
    """wire 4.2.6: `IsSecured` alone says nothing; the profiles of the user do."""
    table = far.table()
    (answer,) = create(far, table, {"name": "x", "fax": "1"}, want=["fax"])
    row = str(answer[ID])
    assert (answer[CODE], answer["fax"]) == ("written", "1")
    assert codes(update(far, table, {"id": row, "fax": "2"})) == ["written"]
    record = fetched(table, [row], "fax")[row]
    assert (record["fax"], record[FAULT]) == ("2", None)
    assert found(table, "2") == [row]
    assert "column security" not in table.features.caveat


def test_what_may_be_read_and_not_written_is_refused_with_the_profile_that_grants_it(far: Crm) -> None:
    row = far.web.account(fax="1")
    far.web.environment.granted[FAX] = Grant(create=False, update=False)
    table = far.table()
    assert fetched(table, [row], "fax")[row]["fax"] == "1"
    shape = table.describe().field("fax")
    assert shape is not None and shape.read_only and "column security profile" in shape.unlock
    far.web.environment.granted[FAX] = Grant(create=False)
    (refused,) = create(far, far.table(), {"name": "x", "fax": "1"})
    assert (refused[CODE], refused[FIELD]) == ("refused", "fax") and "column security" in str(refused[MESSAGE])
    assert codes(update(far, far.table(), {"id": row, "fax": "2"})) == ["written"]


def test_a_mask_is_no_value(far: Crm) -> None:
    """Who may read a column with a masking rule is shown stars; they would travel like a value."""
    row = far.web.account(fax="1234567")
    far.web.environment.masked.add(FAX)
    record = fetched(far.table(), [row], "fax")[row]
    assert (record["fax"], str(record[FAULT])) == (None, "fax: hidden_by_column_security")
    shape = far.table().describe().field("fax")
    assert shape is not None and "masking rule" in shape.unlock


@pytest.mark.parametrize(
    ("refusal", "readable"),
    [(no_segment("attributemaskingrules"), True), (Refusal(403, DENIED, "prvReadAttributeMaskingRule"), False)],
    ids=["older", "denied"],
)
def test_an_environment_without_masks_has_none_and_one_that_does_not_tell_may_have_some(
    far: Crm, monkeypatch: pytest.MonkeyPatch, refusal: Refusal, readable: bool
) -> None:
    def refuse(*words: object) -> None:
        raise refusal

    row = far.web.account(fax="1")
    monkeypatch.setattr(service, "masking_rules", refuse)
    record = fetched(far.table(), [row], "fax")[row]
    assert (record[FAULT] is None, record["fax"] == "1") == (readable, readable)


def test_where_nobody_tells_what_is_granted_nothing_is(far: Crm) -> None:
    """The question needs Read on User."""
    row = far.web.account(fax="1")
    far.web.environment.withheld["prvReadUser"] = Depth.NONE
    assert str(fetched(far.table(), [row], "fax")[row][FAULT]).startswith("fax: hidden")


@pytest.mark.parametrize("masked", [False, True], ids=["revoked", "masked"])
def test_a_column_hidden_in_the_middle_of_a_run_is_not_read_as_blank(far: Crm, masked: bool) -> None:
    """A table is opened once for a run that may take hours; null is what a revoked right looks like."""
    row = far.web.account(fax="1")
    table = far.table()
    environment = far.web.environment
    if masked:
        environment.masked.add(FAX)
    else:
        environment.granted.clear()
    for read in (
        lambda: fetched(table, [row], "fax"),
        lambda: list(table.changes(None, Want(("fax",))).pages),
        lambda: found(table, "1"),
    ):
        with pytest.raises(Denied, match=r"begun to hide fax; what was read is not used"):
            read()
    assert fetched(table, [row], "name")[row]["name"] == "Bakker B.V."


def test_rows_are_not_looked_up_by_what_is_hidden(far: Crm) -> None:
    """Nothing would be found, and what is there made again."""
    far.web.account(fax="1")
    far.web.environment.granted.clear()
    with pytest.raises(Denied, match="looking rows up by fax") as denied:
        found(far.table(), "1")
    assert "column security profile" in str(denied.value)


def test_a_service_that_is_busy_hides_nothing(far: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records would be errors that are none."""

    def refuse(*words: object) -> None:
        raise Refusal(503, "0x80040216", "busy")

    table = far.table()
    monkeypatch.setattr(service, "masking_rules", refuse)
    with pytest.raises(Unreachable, match="what koppel may see of account"):
        fetched(table, [far.web.account()], "fax")
    with pytest.raises(Unreachable):
        far.table()
