"""Conditions of a reference: the row of a look-up table says which mapping its number belongs to (semantics 4.9.2)."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koppel.connectors.memory import MemoryTable
from koppel.connectors.memory.system import MemorySystem
from koppel.engine.bind import bind
from koppel.engine.context import Claim, OpenTable, Tables
from koppel.engine.references import translated
from koppel.errors import ConfigurationError
from koppel.model.mapping import FieldMapping, Hop, Mapping, MatchRule, Reference, SideOptions, TableRef
from koppel.model.policy import Direction, Side
from koppel.ports import TableOptions
from koppel.transform.filter import parse
from tests.engine.twin import Clock, Twin, counts, line, lines, texts

RELATION = TableRef("erp", "relation")
BY_LINK = Reference(
    ("CUSTOMER", "VENDOR"),
    left_by="no",
    hop=Hop(RELATION, "contact_no", "no"),
    conditions=(parse("link = 'Customer'"), parse("link = 'Vendor'")),
)
PARENT = FieldMapping("company", "parent", Direction.BOTH, reference=BY_LINK)

CONTACTS, NUMBERS, ACCOUNTS = ["K1", "K2"], ["10000", "20000"], ["a1", "a2", "a3"]
LINKS = ["Customer", "Vendor", "Bank Account", None]
rows = st.tuples(st.sampled_from(CONTACTS), st.sampled_from(LINKS), st.sampled_from(NUMBERS))
coupled = st.dictionaries(
    st.tuples(st.sampled_from(["CUSTOMER", "VENDOR"]), st.sampled_from(NUMBERS)), st.sampled_from(ACCOUNTS)
)


@dataclass
class Couplings:
    """What the store knows: by mapping and left id the right one."""

    pairs: dict[tuple[str, str], str]

    def partners(self, mappings: list[str], side: Side, ids: pl.Series) -> pl.DataFrame:
        pairs = [
            (left, right)[:: 1 if side is Side.LEFT else -1]
            for (name, left), right in self.pairs.items()
            if name in mappings
        ]
        known = pl.DataFrame(pairs, schema={"id": pl.String, "partner": pl.String}, orient="row")
        return known.filter(pl.col("id").is_in(ids.implode()))


@dataclass
class Town:
    """Relations (contact, link, number), the customers and vendors that exist, and the account each is coupled with."""

    relations: list[tuple[str, str | None, str]]
    existing: set[tuple[str, str]]
    pairs: dict[tuple[str, str], str]

    def translated(self, side: Side, values: list[str]) -> dict[str, tuple[str | None, str | None]]:
        """What koppel makes of values: by value what it is on the other side, and the reason when it is nothing."""
        systems = (MemorySystem("erp", Clock().now), MemorySystem("crm", Clock().now))
        shapes = {name: texts(name, "name", key="no") for name in ("customer", "vendor")}
        left = {name: systems[0].create_table(shape) for name, shape in shapes.items()}
        account = systems[1].create_table(texts("account", "name", key="id"))
        relation = systems[0].create_table(texts("relation", "contact_no", "link", "no"))
        contacts = (
            systems[0].create_table(texts("contact", "company")),
            systems[1].create_table(texts("contact", "parent")),
        )
        for name, number in self.existing:
            left[name.lower()].put(number, {})
        for id_ in ACCOUNTS:
            account.put(id_, {})
        for place, (contact, link, number) in enumerate(self.relations):
            relation.put(str(place), {"contact_no": contact, "link": link, "no": number})
        referenced = {name.upper(): (_open(table), _open(account)) for name, table in left.items()}
        tables = Tables(
            ("erp", "crm"), (_open(contacts[0]), _open(contacts[1])), referenced, {RELATION: _open(relation)}
        )
        mapping = Mapping(
            "CONTACT", TableRef("erp", "contact"), TableRef("crm", "contact"), (*lines("code <-> code"), PARENT)
        )
        bound = bind(mapping, tables)
        context: Any = SimpleNamespace(tables=tables, bound=bound, store=Couplings(self.pairs))
        (parent,) = (line for line in bound.lines if line.mapping.reference)
        answer = translated(context, parent, side, pl.Series("value", values))
        return {
            value: (found, reason) for value, found, reason in answer.select("value", "translated", "reason").rows()
        }

    def account_of(self, contact: str) -> tuple[str | None, str | None]:
        """The account that people of a company contact belong to, row by row: the customer's, else the vendor's."""
        ways = []
        for name in ("CUSTOMER", "VENDOR"):
            linked = {no for who, link, no in self.relations if who == contact and (link or "").upper() == name}
            ways.append([(name, number) for number in linked if (name, number) in self.existing])
        if any(len(way) > 1 for way in ways):
            return None, "ambiguous_reference"
        known = [party for way in ways for party in way]
        account = self.pairs.get(known[0]) if known else None
        return account, None if account else "waiting" if known else "unknown_reference"

    def company_of(self, account: str) -> tuple[str | None, str | None]:
        """The company contact that people of an account belong to."""
        parties = [party for party, other in self.pairs.items() if other == account]
        if not parties:
            return None, "waiting"
        ((name, number),) = parties
        contacts = {who for who, link, no in self.relations if (link or "").upper() == name and no == number}
        if len(contacts) > 1:
            return None, "ambiguous_reference"
        return next(iter(contacts), None), None if contacts else "unknown_reference"


def _open(table: MemoryTable) -> OpenTable:
    return OpenTable(table, table.describe())


@settings(max_examples=50)
@given(
    st.lists(rows, max_size=5),
    coupled,
    st.sets(st.tuples(st.sampled_from(["CUSTOMER", "VENDOR"]), st.sampled_from(NUMBERS))),
)
def test_it_is_decided_as_business_central_does(
    relations: list[tuple[str, str | None, str]], pairs: dict[tuple[str, str], str], lone: set[tuple[str, str]]
) -> None:
    """Semantics 4.9.2, row by row against columns, both ways: numbers may be shared, a company be both, or neither."""
    one_to_one = {account: party for party, account in pairs.items()}
    town = Town(relations, {*one_to_one.values(), *lone}, {party: account for account, party in one_to_one.items()})
    found = town.translated(Side.LEFT, CONTACTS)
    assert {value: (there if why is None else None, why) for value, (there, why) in found.items()} == {
        contact: town.account_of(contact) for contact in CONTACTS
    }
    back = town.translated(Side.RIGHT, ACCOUNTS)
    assert {value: (there if why is None else None, why) for value, (there, why) in back.items()} == {
        account: town.company_of(account) for account in ACCOUNTS
    }


def test_a_customer_that_is_not_coupled_yet_is_waited_for() -> None:
    """People of a company that is both were given to the vendor for good: once the customer was coupled, no cell of
    theirs moved.
    """
    both = Town(
        [("K1", "Vendor", "20000"), ("K1", "Customer", "10000")],
        {("CUSTOMER", "10000"), ("VENDOR", "20000")},
        {("VENDOR", "20000"): "a2"},
    )
    assert both.translated(Side.LEFT, ["K1"]) == {"K1": (None, "waiting")}
    both.pairs["CUSTOMER", "10000"] = "a1"
    assert both.translated(Side.LEFT, ["K1"]) == {"K1": ("a1", None)}


def test_rows_that_meet_no_condition_lead_nowhere() -> None:
    """The number of a bank account is no customer's."""
    existing = {("CUSTOMER", "10000"), ("CUSTOMER", "20000")}
    pairs = {("CUSTOMER", "10000"): "a1", ("CUSTOMER", "20000"): "a2"}
    town = Town([("K1", "Bank Account", "10000"), ("K1", "Customer", "20000")], existing, pairs)
    assert town.translated(Side.LEFT, ["K1"]) == {"K1": ("a2", None)}


@pytest.mark.parametrize(
    ("condition", "what"),
    [
        ("lnk = 'Customer'", "relation has no field lnk; did you mean link?"),
        ("link = 3", "link cannot be 3; write text in single quotes"),
    ],
)
def test_a_condition_that_does_not_fit_the_table_is_told(tmp_path: Path, condition: str, what: str) -> None:
    twin = Twin(tmp_path)
    twin.add(Side.LEFT, texts("relation", "contact_no", "link", "no"))
    reference = Reference(("CUSTOMER",), hop=Hop(RELATION, "contact_no", "no"), conditions=(parse(condition),))
    twin.having(fields=(*lines("name <-> name"), line("city -> city", reference=reference)))
    with pytest.raises(ConfigurationError) as caught:
        twin.context_open()
    assert [(problem.where, problem.what) for problem in caught.value.problems] == [
        ("mappings.CUSTOMER.fields[1]", what)
    ]


def _shared_numbers(twin: Twin) -> Mapping:
    """Customers and vendors that are both accounts, told apart by a kind, and matched by number."""
    twin.add(Side.LEFT, texts("vendor", "number"))
    twin.add(Side.LEFT, texts("buyer", "number"))
    twin.add(Side.RIGHT, texts("account", "number", "kind", "state"))
    return Mapping(
        "BUYER",
        TableRef("erp", "buyer"),
        TableRef("crm", "account"),
        (*lines("number <-> number"), FieldMapping(None, "kind", Direction.TO_RIGHT, constant="3", on_create=True)),
        match=(MatchRule((("number", "number"),)),),
        right_options=SideOptions(filter=parse("kind = '3' AND state IS NULL")),
    )


def _buyer_and(twin: Twin, **account: str) -> dict[str, int]:
    """A buyer 10000 is to be carried where an account 10000 of another kind or state is."""
    twin.mapping = _shared_numbers(twin)
    twin.claims = ((), (Claim("VENDOR", Side.RIGHT, parse("kind = '11' AND state IS NULL")),))
    erp, crm = twin.systems
    erp.table("buyer", TableOptions()).put("b", {"number": "10000"})
    crm.table("account", TableOptions()).put("v", {"number": "10000", **account})
    return counts(twin.full())


def test_an_account_of_another_mapping_is_no_partner_behind_the_filter(tmp_path: Path) -> None:
    """Customer 10000 was neither coupled nor created where vendor 10000 had an account."""
    twin = Twin(tmp_path)
    assert _buyer_and(twin, kind="11") == {"inserted": 1}
    assert len(twin.systems[1].table("account", TableOptions()).records()) == 2


@pytest.mark.parametrize(
    "account", [{"kind": "3", "state": "inactive"}, {"kind": "11", "state": "inactive"}, {"kind": "5"}]
)
def test_one_that_is_nobodys_still_keeps_a_record_from_being_created(tmp_path: Path, account: dict[str, str]) -> None:
    """DESIGN 3, look before you create: outside the filter, and no mapping knows it: reported, neither coupled nor
    created.
    """
    twin = Twin(tmp_path)
    assert _buyer_and(twin, **account) == {"failed": 1}
    assert [error.code for error in twin.errors()] == ["match_outside_filter"]


def test_one_that_another_mapping_has_coupled_is_no_partner_either(tmp_path: Path) -> None:
    """Whatever became of the account since."""
    twin = Twin(tmp_path)
    vendor = Mapping("VENDOR", TableRef("erp", "vendor"), TableRef("crm", "account"), lines("number <-> number"))
    twin.mapping = _shared_numbers(twin)
    twin.systems[0].table("vendor", TableOptions()).put("v", {"number": "10000"})
    twin.full(vendor)
    (account,) = twin.systems[1].table("account", TableOptions()).records()
    twin.systems[1].table("account", TableOptions()).edit(account, {"kind": "11", "state": "inactive"})
    twin.claims = ((), (Claim("VENDOR", Side.RIGHT),))
    twin.systems[0].table("buyer", TableOptions()).put("b", {"number": "10000"})
    assert counts(twin.full()) == {"inserted": 1}
