"""Values that name records of other mappings (semantics 4.8.5; DESIGN 11)."""

import pytest

from koppel.connectors.memory import MemoryTable
from koppel.engine.context import Asked
from koppel.model.mapping import Hop, Mapping, Reference, TableRef
from koppel.model.policy import Side
from koppel.model.values import FieldShape, KeyOrigin, Kind, TableShape
from koppel.ports import TableOptions
from tests.engine.twin import Twin, counts, line, lines, texts


def child(parent: str) -> TableShape:
    """A table with a text key, a name and a field that names a parent."""
    return texts("contact", "name", parent)


@pytest.fixture
def family(twin: Twin) -> Twin:
    """Contacts that name a company by `company` (left) and `parent` (right); companies have codes left and uuids
    right.
    """
    left, right = TableRef("erp", "company"), TableRef("crm", "account")
    twin.add(Side.LEFT, texts("company", "name"))
    account = (FieldShape("accountid", Kind.UUID, nullable=False), FieldShape("name", Kind.TEXT))
    twin.add(Side.RIGHT, TableShape("account", account, ("accountid",), KeyOrigin.CHOSEN))
    twin.more["COMPANY"] = Mapping("COMPANY", left, right, lines("name <-> name"))
    twin.add(Side.LEFT, child("company"))
    twin.add(Side.RIGHT, child("parent"))
    reference = Reference(("COMPANY",), left_by="code", right_by="accountid")
    fields = (*lines("code <-> code", "name <-> name"), line("company <-> parent", reference=reference))
    twin.mapping = Mapping("CONTACT", TableRef("erp", "contact"), TableRef("crm", "contact"), fields)
    return twin


def tables(twin: Twin) -> tuple[MemoryTable, MemoryTable, MemoryTable, MemoryTable]:
    """Company left, account right, contact left, contact right."""
    erp, crm = twin.systems
    options = TableOptions()
    pairs = ((erp, "company"), (crm, "account"), (erp, "contact"), (crm, "contact"))
    company, account, left, right = (system.table(name, options) for system, name in pairs)
    return company, account, left, right


def test_a_reference_travels_through_the_couplings(family: Twin) -> None:
    """Semantics 4.8.5: the value is translated, both ways."""
    company, _account, left, right = tables(family)
    company.put("C1", {"name": "Acme"})
    company.put("C2", {"name": "Bolt"})
    left.put("P1", {"name": "Anna", "company": "C1"})
    family.full(family.more["COMPANY"])
    family.full()
    ids = dict(family.couplings("COMPANY"))
    assert right.records()["P1"]["parent"] == ids["C1"]
    right.edit("P1", {"parent": ids["C2"]})
    family.sync()
    assert left.records()["P1"]["company"] == "C2"
    effects = family.effects()
    family.full()
    assert family.effects() == effects


def test_a_child_waits_for_its_parent_and_comes_later(family: Twin) -> None:
    """DESIGN 2, waiting: no failure; bug museum: in Business Central a parent's error blocks its children for good."""
    company, _account, left, right = tables(family)
    company.put("C1", {"name": "Acme"})
    left.put("P1", {"name": "Anna", "company": "C1"})
    left.put("P2", {"name": "Bea"})
    family.store.apply_mapping("COMPANY", "")
    assert counts(family.full()) == {"waiting": 1, "inserted": 1}
    for _ in range(3):
        assert counts(family.sync(Asked(creates=True))) == {"waiting": 1}, "waiting never leads to skipping"
    family.full(family.more["COMPANY"])
    assert counts(family.sync(Asked(creates=True))) == {"inserted": 1}
    assert right.records()["P1"]["parent"] == dict(family.couplings("COMPANY"))["C1"]
    assert not family.errors()


def test_an_unknown_parent_is_an_error(family: Twin) -> None:
    """Semantics 4.8.5: a value that names nothing is the record's error; blank is never written for not found."""
    _company, _account, left, _right = tables(family)
    left.put("P1", {"name": "Anna", "company": "nobody"})
    family.store.apply_mapping("COMPANY", "")
    assert counts(family.full()) == {"failed": 1}
    assert [(error.code, error.field) for error in family.errors()] == [("unknown_reference", "company")]


def test_clear_on_failed_writes_a_blank_instead(family: Twin) -> None:
    """Semantics 4.8.5: clear_on_failed lets the record through without the reference."""
    company, _account, left, right = tables(family)
    company.put("C1", {"name": "Acme"})
    fields = (
        *family.mapping.fields[:2],
        line("company -> parent", reference=family.mapping.fields[2].reference, clear_on_failed=True),
    )
    family.having(fields=fields)
    left.put("P1", {"name": "Anna", "company": "C1"})
    family.store.apply_mapping("COMPANY", "")
    assert counts(family.full()) == {"inserted": 1}
    assert right.records()["P1"]["parent"] is None
    effects = family.effects()
    family.full()
    assert family.effects() == effects


def test_a_blank_may_stand_for_a_record(twin: Twin) -> None:
    """Semantics 4.8: Business Central's blank currency code means the local currency."""
    for side, ref in ((Side.LEFT, "currency"), (Side.RIGHT, "transactioncurrency")):
        twin.add(side, texts(ref, "name")).put("EUR", {"name": "Euro"})
    currencies = (TableRef("erp", "currency"), TableRef("crm", "transactioncurrency"))
    twin.more["CURRENCY"] = Mapping("CURRENCY", *currencies, lines("code <-> code", "name <-> name"))
    twin.full(twin.more["CURRENCY"])
    reference = Reference(("CURRENCY",), blank="EUR")
    twin.having(fields=(*lines("name <-> name"), line("city <-> city", reference=reference)))
    left, right = twin.pair(name="Anna")
    assert twin.right.records()[right]["city"] == "EUR"
    twin.right.edit(right, {"name": "Bea"})
    twin.sync()
    assert twin.left.records()[left]["city"] is None, "what blank stands for is blank again on the left"
    effects = twin.effects()
    twin.full()
    assert twin.effects() == effects


def test_a_table_may_refer_to_itself(twin: Twin) -> None:
    """DESIGN 5, waiting: tried again in the same job as long as that makes progress; a chain against the page order."""
    table = [twin.add(side, texts("unit", "name", "parent")) for side in Side]
    reference = Reference(("CUSTOMER",), left_by="code", right_by="code")
    fields = (*lines("code <-> code", "name <-> name"), line("parent <-> parent", reference=reference))
    twin.mapping = Mapping("CUSTOMER", TableRef("erp", "unit"), TableRef("crm", "unit"), fields)
    depth = 12
    for number in range(depth):
        table[0].put(f"U{number:02d}", {"name": "unit", "parent": f"U{number + 1:02d}" if number + 1 < depth else None})
    assert counts(twin.full()) == {"inserted": depth}
    assert {id_: unit["parent"] for id_, unit in table[1].records().items()} == {
        id_: unit["parent"] for id_, unit in table[0].records().items()
    }
    assert not twin.errors()


def test_a_chain_too_deep_for_one_job_is_finished_by_the_next(twin: Twin) -> None:
    """DESIGN 5: what still waits when the job ends is in the retry set, also when the job gave up while making
    progress.
    """
    table = [twin.add(side, texts("unit", "name", "parent")) for side in Side]
    reference = Reference(("CUSTOMER",), left_by="code", right_by="code")
    fields = (*lines("code <-> code", "name <-> name"), line("parent <-> parent", reference=reference))
    twin.mapping = Mapping("CUSTOMER", TableRef("erp", "unit"), TableRef("crm", "unit"), fields)
    for number in range(40):
        table[0].put(f"U{number:02d}", {"name": "unit", "parent": f"U{number + 1:02d}" if number < 39 else None})
    twin.sync(Asked(creates=True))
    twin.clock.moment = twin.clock.moment.replace(year=2027)
    twin.sync(Asked(creates=True))
    assert len(table[1].records()) == 40
    assert not twin.errors()


def test_several_mappings_are_tried_in_order(family: Twin) -> None:
    """DESIGN 11: a reference may name several mappings; the first coupled record wins."""
    company, _account, left, right = tables(family)
    for side in Side:
        family.add(side, texts("vendor", "name"))
    family.more["VENDOR"] = Mapping(
        "VENDOR", TableRef("erp", "vendor"), TableRef("crm", "vendor"), lines("code <-> code", "name <-> name")
    )
    family.opened(TableRef("erp", "vendor")).table.put("V1", {"name": "Vendor"})  # type: ignore[attr-defined]
    company.put("C1", {"name": "Acme"})
    fields = (*family.mapping.fields[:2], line("company <-> parent", reference=Reference(("COMPANY", "VENDOR"))))
    family.having(fields=fields)
    left.put("P1", {"name": "Anna", "company": "V1"})
    left.put("P2", {"name": "Bea", "company": "C1"})
    for mapping in family.more.values():
        family.full(mapping)
    family.full()
    assert right.records()["P1"]["parent"] == "V1"
    assert right.records()["P2"]["parent"] == dict(family.couplings("COMPANY"))["C1"]


def test_a_reference_may_hop_through_a_look_up_table(family: Twin) -> None:
    """DESIGN 11, `via`: company_no -> the customer it stands for, through a read-only table."""
    company, _account, left, right = tables(family)
    relation = family.add(Side.LEFT, texts("relation", "contact_no", "no"))
    relation.put("1", {"contact_no": "K7", "no": "C1"})
    company.put("C1", {"name": "Acme"})
    hop = Hop(TableRef("erp", "relation"), "contact_no", "no")
    reference = Reference(("COMPANY",), left_by="code", right_by="accountid", hop=hop)
    family.having(fields=(*family.mapping.fields[:2], line("company <-> parent", reference=reference)))
    left.put("P1", {"name": "Anna", "company": "K7"})
    family.full(family.more["COMPANY"])
    family.full()
    account_id = dict(family.couplings("COMPANY"))["C1"]
    assert right.records()["P1"]["parent"] == account_id
    right.put("P2", {"name": "Bea", "parent": account_id})
    family.full()
    assert left.records()["P2"]["company"] == "K7"


def test_a_name_of_several_records_is_an_error_and_no_guess(family: Twin) -> None:
    """DESIGN 7, nothing ambiguous is written: companies found by a name that two of them have, on the way there and on
    the way back through a look-up table. It used to be the first one that was found.
    """
    company, _account, left, right = tables(family)
    desk = family.add(Side.LEFT, texts("desk", "no", "title"))
    for number, title in enumerate(("Acme", "Bolt", "Bolt", "Zink", "Zink")):
        desk.put(f"D{number}", {"no": f"K{number}", "title": title})
    for number, name in enumerate(("Acme", "Bolt", "Zink", "Zink")):
        company.put(f"C{number}", {"name": name})
    hop = Hop(TableRef("erp", "desk"), "no", "title")
    reference = Reference(("COMPANY",), left_by="name", right_by="accountid", hop=hop)
    family.having(fields=(*family.mapping.fields[:2], line("company <-> parent", reference=reference)))
    family.full(family.more["COMPANY"])
    ids = dict(family.couplings("COMPANY"))
    for number, desk_no in enumerate(("K0", "K1", "K3")):
        left.put(f"P{number}", {"name": "Anna", "company": desk_no})
    right.put("R0", {"name": "Bea", "parent": ids["C0"]})
    right.put("R1", {"name": "Cas", "parent": ids["C1"]})
    family.full()
    assert {key: row["parent"] for key, row in right.records().items()} == {
        "P0": ids["C0"], "P1": ids["C1"], "R0": ids["C0"], "R1": ids["C1"]
    }  # fmt: skip
    assert left.records()["R0"]["company"] == "K0" and "R1" not in left.records()
    found = sorted((error.record, error.code, error.field) for error in family.errors())
    assert found == [("P2", "ambiguous_reference", "company"), ("R1", "ambiguous_reference", "parent")]


def test_a_number_that_a_customer_and_a_vendor_share_is_no_guess(family: Twin) -> None:
    """Business Central numbers each table by itself, and the relation of a contact leads to a number alone: people of
    the vendor must not become the customer's.
    """
    company, _account, left, right = tables(family)
    for side in Side:
        family.add(side, texts("vendor", "name"))
    vendors = Mapping(
        "VENDOR", TableRef("erp", "vendor"), TableRef("crm", "vendor"), lines("code <-> code", "name <-> name")
    )
    family.more["VENDOR"] = vendors
    relation = family.add(Side.LEFT, texts("relation", "contact_no", "no"))
    for key, number in (("1", "10000"), ("2", "20000")):
        relation.put(key, {"contact_no": f"K{key}", "no": number})
    company.put("10000", {"name": "Customer"})
    company.put("20000", {"name": "Another customer"})
    family.opened(TableRef("erp", "vendor")).table.put("10000", {"name": "Vendor"})  # type: ignore[attr-defined]
    hop = Hop(TableRef("erp", "relation"), "contact_no", "no")
    reference = Reference(("COMPANY", "VENDOR"), hop=hop)
    family.having(fields=(*family.mapping.fields[:2], line("company <-> parent", reference=reference)))
    left.put("P1", {"name": "Anna", "company": "K1"})
    left.put("P2", {"name": "Bea", "company": "K2"})
    for mapping in family.more.values():
        family.full(mapping)
    family.full()
    assert {key: row["parent"] for key, row in right.records().items()} == {
        "P2": dict(family.couplings("COMPANY"))["20000"]
    }
    assert [(error.record, error.code) for error in family.errors()] == [("P1", "ambiguous_reference")]
