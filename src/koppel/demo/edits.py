"""The second act of the demo: what people do in both systems after the first full synchronisation.

Knows nothing of couplings: it finds counterparts as a person would, by customer number, e-mail address or name, and
touches only records on which the two systems agree, so that each expectation follows from the edit alone.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple

from koppel.demo.desk import Desk, Record
from koppel.demo.draw import growing_ids, slug
from koppel.demo.files import Row

MERGE: Final = "both sides, different fields"
CLASH: Final = "both sides, same field"
GROUP_CLASH: Final = "both sides, one address"
DELETED: Final = "deleted"
LEFT_FILTER: Final = "left the filter"
TOO_LONG: Final = "too long"
NO_PARENT: Final = "missing parent"
ONE_SIDE: Final = "one side"
RENAMED: Final = "renamed"


@dataclass(frozen=True)
class Edit:
    """One thing somebody did.

    `table` is qualified (`business_central.customer`), `id` the record's key there; `counterpart` is the key on the
    other side if it is known. For an edit of both sides, `table` and `id` name the Business Central record.
    """

    what: str
    table: str
    id: str
    expectation: str
    counterpart: str = ""


class _Couple(NamedTuple):
    """The same thing in both systems."""

    left: Record
    right: Record


@dataclass
class _Stage:
    """Both systems under the hands of their users, and the couples nobody has touched yet."""

    left: Desk
    right: Desk
    rng: random.Random
    now: datetime
    decks: dict[str, list[_Couple]] = field(default_factory=dict)
    done: list[Edit] = field(default_factory=list)

    def take(self, deck: str, count: int) -> list[_Couple]:
        """Couples that no other edit gets; fewer if the world is too small."""
        return [self.decks[deck].pop() for _ in range(min(count, len(self.decks[deck])))]

    def phone(self) -> str:
        """A telephone number that nobody had before."""
        return f"+31 88 {self.rng.randrange(10**6, 10**7)}"


def edit(left: Desk, right: Desk, seed: int = 2026) -> list[Edit]:
    """Edit both systems now, and say what each edit should lead to.

    In a world of full size: 100 customers edited on both sides in different fields, 20 in the same field, 3 in post
    code against city, 2 deletions, 1 that leaves the filter, 1 name too long for the other side, 1 contact without
    coupled parent, 200 one-sided edits on each side, 1 renamed salesperson. In a smaller world the large numbers
    shrink. Raises `ValueError` if the two systems hold too few records in common: synchronise first.
    """
    stage = _Stage(left, right, random.Random(seed), datetime.now(UTC))
    _deal(stage)
    share = min(1.0, len(stage.decks["customer"]) / 1000)
    if len(stage.decks["customer"]) < 20 or len(stage.decks["lonely"]) < 2:
        raise ValueError("too few customers are equal in both systems: synchronise before the second act")
    _deletions(stage)
    _different_fields(stage, max(1, round(100 * share)))
    _same_field(stage, max(1, round(20 * share)))
    _one_address(stage, 3)
    _out_of_filter(stage)
    _too_long(stage)
    _missing_parent(stage)
    _renamed(stage)
    _one_sided(stage, max(1, round(200 * share)))
    return stage.done


# Finding counterparts.


def _deal(stage: _Stage) -> None:
    """Fill the decks: couples on which both systems agree, in an order that the seed decides."""
    couples = _couples(stage, "customer", 3)
    employed = {row["parentcustomerid"] for row in stage.right.rows("contact")}
    staffed = {row["company_no"] for row in stage.left.rows("contact") if row["type"] == "Person"}
    relations = stage.left.rows("contact_business_relation")
    employed |= {row["no"] for row in relations if row["contact_no"] in staffed}
    lonely = [each for each in couples if not {each.right["accountid"], each.left["no"]} & employed]
    stage.decks = {"lonely": lonely[:2], "vendor": _couples(stage, "vendor", 11), "contact": _people(stage)}
    stage.decks["customer"] = [each for each in couples if each not in lonely[:2]]


def _couples(stage: _Stage, table: str, kind: int) -> list[_Couple]:
    """Customers or vendors in scope with their accounts: by number, else by e-mail address."""
    lefts = [row for row in stage.left.rows(table) if row["blocked"] == ""]
    accounts = stage.right.rows("account")
    rights = [row for row in accounts if row["statecode"] == 0 and row["customertypecode"] == kind]
    found = _join(lefts, {row["accountid"]: row for row in rights}, _number_of, _email_of)
    return _shuffled(stage, (each for each in found if _agree(each, _COMPANY_FIELDS)))


def _people(stage: _Stage) -> list[_Couple]:
    """Persons in both systems: by e-mail address, else by name and telephone."""
    lefts = [row for row in stage.left.rows("contact") if row["type"] == "Person" and row["company_no"] != ""]
    known = stage.right.rows("contact")
    rights = [row for row in known if row["statecode"] == 0 and row["parentcustomerid"] is not None]
    found = _join(lefts, {row["contactid"]: row for row in rights}, _email_of, _person_of)
    return _shuffled(stage, (each for each in found if _agree(each, _PERSON_FIELDS)))


def _shuffled(stage: _Stage, couples: Iterable[_Couple]) -> list[_Couple]:
    deck = list(couples)
    stage.rng.shuffle(deck)
    return deck


def _join(lefts: Sequence[Record], free: dict[str, Record], *keys: Callable[[Record], str]) -> list[_Couple]:
    """Pair rows by the first key that finds an unpaired partner. Blank keys find nobody. `free`: partners by id."""
    couples: list[_Couple] = []
    waiting = list(lefts)
    for key in keys:
        by_key = {key(row): found for found, row in free.items()}
        by_key.pop("", None)
        lone = []
        for row in waiting:
            partner = by_key.pop(key(row), None)
            if partner is None:
                lone.append(row)
            else:
                couples.append(_Couple(row, free.pop(partner)))
        waiting = lone
    return couples


def _number_of(row: Record) -> str:
    return _first(row, "no", "accountnumber")


def _email_of(row: Record) -> str:
    return _first(row, "e_mail", "emailaddress1").lower()


def _person_of(row: Record) -> str:
    parts = [_first(row, *columns) for columns in _PERSON_FIELDS[:3]]
    return "|".join(slug(part) for part in parts) if all(parts) else ""


def _first(row: Record, *columns: str) -> str:
    """The value of the first of these columns that the row has; null reads as blank."""
    return next(str(row[column] or "") for column in columns if column in row)


_COMPANY_FIELDS = (
    ("name", "name"), ("address", "address1_line1"), ("post_code", "address1_postalcode"), ("city", "address1_city"),
    ("phone_no", "telephone1"), ("e_mail", "emailaddress1"), ("home_page", "websiteurl"),
)  # fmt: skip
_PERSON_FIELDS = (
    ("first_name", "firstname"), ("surname", "lastname"), ("phone_no", "telephone1"), ("e_mail", "emailaddress1"),
    ("mobile_phone_no", "mobilephone"),
)  # fmt: skip


def _agree(couple: _Couple, fields: Sequence[tuple[str, str]]) -> bool:
    """Whether both say the same, but for case, blanks and the way a telephone number is written."""
    return all(_comparable(couple.left[one]) == _comparable(couple.right[other]) for one, other in fields)


def _comparable(value: str | None) -> str:
    plain = slug(value or "")
    return plain[-6:] if plain.isdigit() else plain


# The edits.


def _deletions(stage: _Stage) -> None:
    """An account is deleted in Dataverse, a customer in Business Central; neither has contacts."""
    first, second = stage.take("lonely", 2)
    key, other = first.left["id"], first.right["accountid"]
    stage.right.remove("account", other)
    text = f"The account of customer {first.left['no']} is deleted: koppel asks what to do with the customer."
    stage.done.append(Edit(DELETED, "dataverse.account", other, text, key))
    key, other = second.left["id"], second.right["accountid"]
    stage.left.remove("customer", key)
    text = f"Customer {second.left['no']} is deleted: koppel asks what to do with its account."
    stage.done.append(Edit(DELETED, "business_central.customer", key, text, other))


def _different_fields(stage: _Stage, count: int) -> None:
    for turn, (left, right) in enumerate(stage.take("customer", count)):
        stage.left.change("customer", left["id"], {"phone_no": stage.phone()})
        site = f"https://shop-{slug(left['no'])}.example"
        changed: Row = {"websiteurl": site} if turn % 2 else {"emailaddress1": f"hello@shop-{slug(left['no'])}.example"}
        stage.right.change("account", right["accountid"], changed)
        other = "web site" if turn % 2 else "e-mail address"
        text = f"Customer {left['no']}: phone number to Dataverse, {other} to Business Central; no conflict."
        stage.done.append(Edit(MERGE, "business_central.customer", left["id"], text, right["accountid"]))


def _same_field(stage: _Stage, count: int) -> None:
    for left, right in stage.take("customer", count):
        stage.left.change("customer", left["id"], {"phone_no": stage.phone()})
        stage.right.change("account", right["accountid"], {"telephone1": stage.phone()})
        text = f"Customer {left['no']}: two new phone numbers are one conflict; neither is overwritten."
        stage.done.append(Edit(CLASH, "business_central.customer", left["id"], text, right["accountid"]))


def _one_address(stage: _Stage, count: int) -> None:
    for left, right in stage.take("customer", count):
        stage.left.change("customer", left["id"], {"post_code": f"99{stage.rng.randrange(10, 99)} XZ"})
        stage.right.change("account", right["accountid"], {"address1_city": "Schiermonnikoog"})
        text = f"Customer {left['no']}: post code against city is one conflict of the address; the two are not mixed."
        stage.done.append(Edit(GROUP_CLASH, "business_central.customer", left["id"], text, right["accountid"]))


def _out_of_filter(stage: _Stage) -> None:
    for left, right in stage.take("customer", 1):
        stage.left.change("customer", left["id"], {"blocked": "All"})
        text = f"Customer {left['no']} is blocked: it is out of the mapping and frozen; its account stays as it is."
        stage.done.append(Edit(LEFT_FILTER, "business_central.customer", left["id"], text, right["accountid"]))


def _too_long(stage: _Stage) -> None:
    for left, right in stage.take("customer", 1):
        name = f"{right['name'].strip()} and its successors in title, formerly trading under several other names"
        name = f"{name}, since the merger of last year"[:160].ljust(101, ".")
        stage.right.change("account", right["accountid"], {"name": name})
        text = (
            f"Customer {left['no']}: a name of {len(name)} characters does not fit into 100; an error, nothing is cut."
        )
        stage.done.append(Edit(TOO_LONG, "dataverse.account", right["accountid"], text, left["id"]))


def _missing_parent(stage: _Stage) -> None:
    """A new person at the company of a blocked customer, which has no account."""
    known = {row["accountnumber"] for row in stage.right.rows("account")}
    contacts = {row["no"]: row["contact_no"] for row in stage.left.rows("contact_business_relation")}
    blocked = [row for row in stage.left.rows("customer") if row["blocked"] != ""]
    company = next(row for row in blocked if row["no"] not in known and row["no"] in contacts)
    key = next(growing_ids(stage.rng, int(stage.now.timestamp() * 1000)))
    row: Row = {"id": key, "type": "Person", "company_no": contacts[company["no"]], "first_name": "Noor"}
    row |= {"surname": "Verbeek", "phone_no": stage.phone(), "e_mail": f"noor.verbeek@{slug(company['no'])}.example"}
    stage.left.add("contact", row)
    text = f"The new contact Noor Verbeek waits: customer {company['no']}, her company, is not coupled."
    stage.done.append(Edit(NO_PARENT, "business_central.contact", key, text))


def _renamed(stage: _Stage) -> None:
    """A salesperson marries; personnel renames the user in Dataverse, where the names come from."""
    users = {
        row["internalemailaddress"].lower(): row
        for row in stage.right.rows("systemuser")
        if row["islicensed"] and not (row["isdisabled"] or row["isintegrationuser"])
    }
    people = stage.left.rows("salesperson")
    person = stage.rng.choice([row for row in people if row["e_mail"].lower() in users])
    user = users[person["e_mail"].lower()]
    name = f"{user['lastname']}-Terpstra"
    stage.right.change("systemuser", user["systemuserid"], {"lastname": name})
    text = f"Salesperson {person['code']} is called {user['firstname']} {name} in Business Central too."
    stage.done.append(Edit(RENAMED, "dataverse.systemuser", user["systemuserid"], text, person["id"]))


def _one_sided(stage: _Stage, count: int) -> None:
    """Ordinary work: `count` edits in each system, most of them on customers, one in ten on vendors, two on persons."""
    vendors, people = count // 10, count // 5
    for deck, size in (("customer", count - vendors - people), ("vendor", vendors), ("contact", people)):
        person = deck == "contact"
        table = "contact" if person else "account"
        left_column, right_column = ("mobile_phone_no", "mobilephone") if person else ("phone_no", "telephone1")
        for left, right in stage.take(deck, size):
            stage.left.change(deck, left["id"], {left_column: stage.phone()})
            text = f"{deck.title()} {left['no']}: the new phone number goes to Dataverse."
            stage.done.append(Edit(ONE_SIDE, f"business_central.{deck}", left["id"], text, right[f"{table}id"]))
        for left, right in stage.take(deck, size):
            stage.right.change(table, right[f"{table}id"], {right_column: stage.phone()})
            text = f"{deck.title()} {left['no']}: the new phone number goes to Business Central."
            stage.done.append(Edit(ONE_SIDE, f"dataverse.{table}", right[f"{table}id"], text, left["id"]))
