"""What the mappings may do with the tables of a system: what a system is asked whether it lets koppel."""

from dataclasses import replace

import pytest

from koppel.app.uses import uses
from koppel.model.mapping import FieldMapping, Hop, Mapping, MatchRule, Reference, SideOptions, TableRef
from koppel.model.policy import Direction, OnDelete

ERP, CRM = TableRef("erp", "customers"), TableRef("crm", "account")
LINES = (
    FieldMapping("number", "accountnumber", Direction.TO_RIGHT),
    FieldMapping("name", "name", Direction.BOTH),
    FieldMapping("code", "mail", Direction.TO_LEFT, on_create=True),
    FieldMapping("fax", "fax", Direction.BOTH, enabled=False),
)
MAPPING = Mapping("CUSTOMER", ERP, CRM, LINES, match=(MatchRule((("email", "emailaddress1"),)),))


def test_each_side_is_given_and_changed_what_reaches_it() -> None:
    (erp,), (crm,) = uses([MAPPING], "erp").items(), uses([MAPPING], "crm").items()
    assert erp[0] == "customers" and crm[0] == "account"
    assert erp[1].fields == {"number", "name", "code", "email"} and erp[1].creates and not erp[1].deletes
    assert (erp[1].given, erp[1].changed) == ({"name", "code"}, {"name"})
    assert (crm[1].given, crm[1].changed) == ({"accountnumber", "name"}, {"accountnumber", "name"})


def test_a_side_that_the_mapping_does_not_reach_is_read_only() -> None:
    """Also where a line is two-way (semantics 3.1)."""
    one_way = replace(MAPPING, direction=Direction.TO_RIGHT, on_delete=OnDelete.DELETE)
    erp = uses([one_way], "erp")["customers"]
    assert not (erp.creates or erp.deletes or erp.given or erp.changed)
    assert uses([one_way], "crm")["account"].deletes


def test_deactivating_changes_the_field_that_says_so() -> None:
    options = SideOptions(deactivate=("blocked", "All"))
    mapping = replace(MAPPING, on_delete=OnDelete.DEACTIVATE, left_options=options)
    assert "blocked" in uses([mapping], "erp")["customers"].changed
    assert "blocked" not in uses([replace(mapping, on_delete=OnDelete.ASK)], "erp")["customers"].changed


def test_several_mappings_of_a_table_are_one_use_and_a_hop_is_read() -> None:
    hop = Hop(TableRef("erp", "relations"), "contact", "no")
    line = FieldMapping("company", "parent", Direction.BOTH, reference=Reference(("CUSTOMER",), hop=hop))
    vendor = Mapping("VENDOR", TableRef("erp", "vendors"), CRM, (line,), on_delete=OnDelete.DELETE)
    crm = uses([MAPPING, vendor], "crm")["account"]
    assert crm.changed == {"accountnumber", "name", "parent"} and crm.deletes
    relations = uses([MAPPING, vendor], "erp")["relations"]
    assert relations.fields == {"contact", "no"} and not relations.creates


@pytest.mark.parametrize("system", ["erp", "crm"])
def test_a_line_that_is_disabled_is_none(system: str) -> None:
    assert all("fax" not in use.fields for use in uses([MAPPING], system).values())
