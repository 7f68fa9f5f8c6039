"""Makes up the demo world: the rows of both systems, and the truth, which says what belongs together.

Both systems hold populated tables that overlap without being coupled, as when a company connects them years too late.
Every overlapping pair is found by exactly one match rule of the preset (`RULES`), and no rule finds anything else.
The same seed and sizes give the same rows. Nothing of the product reads the truth; tests and the story's judge do.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from koppel.demo import left, names, right
from koppel.demo.draw import Company, Draw, Person, growing_ids, slug
from koppel.demo.files import FIRST_ID, Row
from koppel.demo.spoil import maybe, other_case

# The match rules the pairs of `truth.json` refer to by position (1 = the first), in the words of `koppel.toml`.
_COMPANY_RULES = (
    "no = accountnumber",
    "e_mail = emailaddress1 (ignore case)",
    "name = name (ignore case) + post_code = address1_postalcode",
)
RULES: Final[dict[str, tuple[str, ...]]] = {
    "CURRENCY": ("code = isocurrencycode",),
    "SALESPEOPLE": ("e_mail = internalemailaddress",),
    "VENDOR": _COMPANY_RULES,
    "CUSTOMER": _COMPANY_RULES,
    "CONTACT": (
        "e_mail = emailaddress1 (ignore case)",
        "first_name = firstname + surname = lastname + phone_no = telephone1",
    ),
}
_LEFT = ("no_series", "currency", "salesperson", "vendor", "customer", "contact", "contact_business_relation")
_RIGHT = ("transactioncurrency", "systemuser", "account", "contact")
_OTHER_TYPES = (None, 1, 2, 4, 5, 6, 7, 8, 9, 10, 12)
_TYPES = {"CUSTOMER": right.CUSTOMER, "VENDOR": right.VENDOR}


class _Employer(NamedTuple):
    """A company with its company contact; `account` is its counterpart, `group` where truth lists its people."""

    company: Company
    contact_no: str
    salesperson: str
    account: str | None
    group: str


@dataclass
class _Scene:
    """What has been made so far: rows per table, the truth, and what later rows refer to."""

    rng: random.Random
    draw: Draw
    left: dict[str, list[Row]] = field(default_factory=lambda: {table: [] for table in _LEFT})
    right: dict[str, list[Row]] = field(default_factory=lambda: {table: [] for table in _RIGHT})
    truth: dict[str, dict[str, list[object]]] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)
    currencies: dict[str, str] = field(default_factory=dict)
    employers: list[_Employer] = field(default_factory=list)
    lone_accounts: list[tuple[Company, str]] = field(default_factory=list)
    ids: dict[str, Iterator[str]] = field(default_factory=dict)

    def new_id(self, table: str) -> str:
        """The next id of a table; ids of one table grow in the order of its rows."""
        if table not in self.ids:
            self.ids[table] = growing_ids(self.rng, FIRST_ID)
        return next(self.ids[table])

    def note(self, mapping: str, group: str, fact: object) -> None:
        """Write a fact into the truth."""
        self.truth.setdefault(mapping, {}).setdefault(group, []).append(fact)

    def pair(self, mapping: str, left_id: str, right_id: str, rule: int) -> None:
        """Write a pair into the truth."""
        self.note(mapping, "pairs", {"left": left_id, "right": right_id, "rule": rule})


@dataclass(frozen=True)
class Content:
    """What a demo world holds. `left`, `right`: rows by table of Business Central and Dataverse; `truth`: what belongs
    together.
    """

    left: Mapping[str, list[Row]]
    right: Mapping[str, list[Row]]
    truth: Mapping[str, Mapping[str, list[object]]]

    @property
    def counts(self) -> dict[str, int]:
        """How many rows, pairs and lone records there are; keys as in `World`."""
        found = {f"business_central.{table}": len(rows) for table, rows in self.left.items()}
        found |= {f"dataverse.{table}": len(rows) for table, rows in self.right.items()}
        named = {f"{group}.{name}": facts for name, groups in self.truth.items() for group, facts in groups.items()}
        return found | {name: len(facts) for name, facts in named.items()}


def content(
    seed: int = 2026,
    customers: int = 10_000,
    vendors: int = 800,
    contacts: int = 14_000,
    salespeople: int = 25,
    overlap: int = 3_000,
) -> Content:
    """Make up a world.

    `contacts` counts persons; every customer and vendor has a company contact besides. `overlap` records exist on both
    sides: one in thirty a vendor, four in thirty a person, the rest customers. Raises `ValueError` if the overlap does
    not fit.
    """
    vendor_pairs, contact_pairs = overlap // 30, overlap * 4 // 30
    customer_pairs = overlap - vendor_pairs - contact_pairs
    if not (customer_pairs <= customers * 9 // 10 and vendor_pairs <= vendors * 9 // 10 and customers and salespeople):
        raise ValueError(f"an overlap of {overlap} does not fit {customers} customers and {vendors} vendors")
    if customer_pairs and contact_pairs > contacts // 2:
        raise ValueError(f"an overlap of {overlap} needs more than {contacts} contacts")
    rng = random.Random(seed)
    scene = _Scene(rng, Draw(rng))
    _add_currencies(scene)
    _add_salespeople(scene, salespeople)
    _add_companies(scene, "CUSTOMER", customers, customer_pairs)
    _add_companies(scene, "VENDOR", vendors, vendor_pairs)
    _add_strangers(scene, customers)
    _add_people(scene, contacts, contact_pairs)
    _add_number_series(scene)
    return Content(scene.left, scene.right, scene.truth)


def _add_currencies(scene: _Scene) -> None:
    for position, currency in enumerate(names.CURRENCIES):
        row: Row = {"id": scene.new_id("currency"), "code": currency.code, "iso_code": currency.code}
        row |= {"description": currency.name, "symbol": currency.symbol}
        scene.left["currency"].append(left.stamped(scene.draw, row))
        if position >= names.DATAVERSE_CURRENCIES:
            scene.note("CURRENCY", "only_left_in_scope", row["id"])
            continue
        key = scene.new_id("transactioncurrency")
        scene.currencies[currency.code] = key
        other: Row = {"transactioncurrencyid": key, "isocurrencycode": currency.code}
        other |= {
            "currencyname": currency.name.replace(" d", " D").replace(" f", " F"),
            "currencysymbol": currency.symbol,
        }
        other["exchangerate"] = currency.rate
        scene.right["transactioncurrency"].append(right.stamped(scene.draw, other))
        scene.pair("CURRENCY", str(row["id"]), key, 1)


def _add_salespeople(scene: _Scene, count: int) -> None:
    draw = scene.draw
    for _ in range(count):
        person = draw.person(names.NETHERLANDS, "20", "cronus.example")
        code = _initials(person, scene.users)
        last = f"{person.middle} {person.last}".strip()
        row: Row = {
            "id": scene.new_id("salesperson"),
            "code": code,
            "name": f"{person.first} {last}",
            "e_mail": person.email,
        }
        row |= {"phone_no": maybe(draw, 0.7, person.phone) or "", "job_title": "Verkoper"}
        scene.left["salesperson"].append(left.stamped(draw, row))
        key = scene.users[code] = scene.new_id("systemuser")
        user = right.user(key, (person.first, last), person.email, person.mobile, (0, 1, 0))
        scene.right["systemuser"].append(right.stamped(draw, user))
        scene.pair("SALESPEOPLE", str(row["id"]), key, 1)
    for switches in ((1, 1, 0),) * 4 + ((0, 0, 0),) * 5 + ((0, 1, 1),) * 3:
        person = draw.person(names.NETHERLANDS, "20", "cronus.example")
        user = right.user(
            scene.new_id("systemuser"), (person.first, person.last), person.email, person.mobile, switches
        )
        scene.right["systemuser"].append(right.stamped(draw, user))
        scene.note("SALESPEOPLE", "only_right_out_of_scope", user["systemuserid"])


def _initials(person: Person, taken: dict[str, str]) -> str:
    """A salesperson code such as `JR`, longer if somebody has it already."""
    letters = (slug(person.first)[0] + slug(person.last)).upper()
    for length in range(2, len(letters) + 1):
        if letters[:length] not in taken:
            return letters[:length]
    return f"{letters[:10]}{len(taken)}"


def _add_companies(scene: _Scene, mapping: str, count: int, pairs: int) -> None:
    """Customers or vendors with their company contacts and relations, and the accounts that are the same companies."""
    draw, table = scene.draw, mapping.lower()
    order = scene.rng.sample(range(count), count)
    rules = {place: (1, 1, 2, 2, 3)[turn % 5] for turn, place in enumerate(order[:pairs])}
    blocked = set(order[count - max(1, count // 50) :]) - set(rules)
    make = left.customer if mapping == "CUSTOMER" else left.vendor
    for place in range(count):
        company, rule = draw.company(), rules.get(place, 0)
        email, other_email = _emails(draw, company.email, company.other_email, rule)
        number = f"{mapping[0]}{place + 1:05d}"
        keys: Row = {"id": scene.new_id(table), "no": number, "salesperson_code": _salesperson(scene)}
        keys["currency_code"] = _currency(scene, company, rule)
        row = make(draw, company, email, keys, place in blocked)
        scene.left[table].append(row)
        contact_no = f"CT{len(scene.left['contact']) + 1:06d}"
        scene.left["contact"].append(left.company_contact(draw, company, email, scene.new_id("contact"), contact_no))
        relation = left.relation(draw, scene.new_id("contact_business_relation"), contact_no, mapping.title(), number)
        scene.left["contact_business_relation"].append(relation)
        account = None
        if rule:
            account = scene.new_id("account")
            _add_account(scene, company, rule, other_email, row | {"accountid": account, "type": _TYPES[mapping]})
            scene.pair(mapping, str(row["id"]), account, rule)
        else:
            scene.note(mapping, "only_left_out_of_scope" if place in blocked else "only_left_in_scope", row["id"])
        group = "only_left_parent_out_of_scope" if place in blocked else "only_left_in_scope"
        scene.employers.append(_Employer(company, contact_no, str(keys["salesperson_code"]), account, group))


def _emails(draw: Draw, email: str, other: str, rule: int, exact: int = 2) -> tuple[str, str | None]:
    """The e-mail addresses of a pair, left and right; equal but for case if rule number `exact` has to find it.

    A later rule needs them blank or different, an earlier one does not care; a record without rule knows it mostly.
    """
    if rule == exact:
        return email, other_case(draw, email)
    chance = draw.rng.random()
    if rule == 0:
        return (email if chance < 0.94 else ""), (email if chance < 0.9 else None)
    if rule < exact and chance < 0.55:
        return email, email
    if chance < 0.75:
        return email, None
    return ("", email) if chance < 0.92 else (email, other)


def _salesperson(scene: _Scene) -> str:
    return scene.draw.pick(tuple(scene.users)) if scene.rng.random() < 0.95 else ""


def _currency(scene: _Scene, company: Company, rule: int) -> str:
    """A currency code; blank is the local currency. Pairs use one that Dataverse has."""
    chance = scene.rng.random()
    if company.country is names.GREAT_BRITAIN and chance < 0.6:
        return "GBP"
    if chance < 0.92:
        return ""
    known = names.CURRENCIES[1 : names.DATAVERSE_CURRENCIES] if rule else names.CURRENCIES[1:]
    return known[int(scene.rng.random() * len(known))].code


def _add_account(scene: _Scene, company: Company, rule: int, email: str | None, row: Row) -> None:
    """The account of a company; `row` is the Business Central record with `accountid` and `type` added."""
    draw = scene.draw
    chance = scene.rng.random()
    number = draw.foreign_number() if chance < 0.4 else None
    owner = scene.users.get(str(row.get("salesperson_code", row.get("purchaser_code", ""))))
    currency = scene.currencies[str(row["currency_code"] or "EUR")]
    keys: Row = {
        "accountid": row["accountid"],
        "accountnumber": row["no"] if rule == 1 else number,
        "customertypecode": row["type"],
        "statecode": row.get("statecode", 0),
        "statuscode": 2 if row.get("statecode") else 1,
        "creditlimit": row.get("credit_limit_lcy") if chance < 0.8 else None,
        "transactioncurrencyid": currency if chance < 0.9 else None,
        "ownerid": owner if owner and chance < 0.9 else _any_user(scene),
        "owneridtype": "systemuser",
    }
    scene.right["account"].append(right.account(draw, company, rule, email, keys))


def _any_user(scene: _Scene) -> str:
    return scene.draw.pick(tuple(scene.users.values()))


def _add_strangers(scene: _Scene, customers: int) -> None:
    """Accounts that only Dataverse has: customers to come, and other kinds and inactive ones, which must stay out."""
    kinds = ["in_scope"] * (customers // 20) + ["other"] * (customers // 50) + ["inactive"] * (customers * 3 // 100)
    scene.rng.shuffle(kinds)
    for kind in kinds:
        company = scene.draw.company()
        row: Row = {"accountid": scene.new_id("account"), "type": right.CUSTOMER, "statecode": 0, "currency_code": ""}
        if kind == "other":
            row["type"] = _OTHER_TYPES[int(scene.rng.random() * len(_OTHER_TYPES))]
        elif kind == "inactive":
            row |= {"type": right.VENDOR if scene.rng.random() < 0.2 else right.CUSTOMER, "statecode": 1}
        _add_account(scene, company, 0, _emails(scene.draw, company.email, "", 0)[1], row)
        if kind == "in_scope":
            scene.lone_accounts.append((company, str(row["accountid"])))
        mapping = "VENDOR" if row["type"] == right.VENDOR else "CUSTOMER"
        scene.note(mapping, f"only_right_{'in' if kind == 'in_scope' else 'out_of'}_scope", row["accountid"])


def _add_people(scene: _Scene, count: int, pairs: int) -> None:
    """Persons at companies, at companies without relation, and on their own; some of them known to Dataverse too."""
    paired = [employer for employer in scene.employers if employer.account]
    unrelated = _add_unrelated(scene, max(1, count // 700))
    at_unrelated, alone = max(1, count * 3 // 700), max(1, count // 350)
    places = [(scene.rng.choice(paired), (1, 1, 1, 2, 2)[turn % 5]) for turn in range(pairs)]
    places += [(scene.rng.choice(unrelated), 0) for _ in range(at_unrelated)]
    freelancers = scene.rng.choices(scene.employers, k=alone)
    places += [(employer._replace(contact_no="", group="only_left_out_of_scope"), 0) for employer in freelancers]
    places += [(scene.rng.choice(scene.employers), 0) for _ in range(count - len(places))]
    del places[count:]
    scene.rng.shuffle(places)
    for employer, rule in places:
        _add_person(scene, employer, rule)
    _add_lone_people(scene, count, paired)


def _add_lone_people(scene: _Scene, count: int, paired: list[_Employer]) -> None:
    """Persons that only Dataverse has: at known accounts, at its own accounts, inactive, and without account."""
    accounts = [(employer.company, str(employer.account)) for employer in paired]
    own = scene.lone_accounts or accounts
    if not own:
        return
    accounts = accounts or own
    known, wanted = count // 100, count // 70
    at = scene.rng.choices(accounts, k=known) + scene.rng.choices(own, k=wanted - known)
    hidden = scene.rng.choices(accounts, k=count // 700)
    hidden += [(company, "") for company, _ in scene.rng.choices(own, k=count // 700)]
    for place, (company, account) in enumerate(at + hidden):
        person = scene.draw.person(company.country, company.city.area, company.domain)
        key, email = scene.new_id("dataverse.contact"), _emails(scene.draw, person.email, "", 0)[1]
        inactive = place >= wanted and account != ""
        _add_other_person(scene, person, company, 0, (key, email, person.phone, account, int(inactive)))
        scene.note("CONTACT", f"only_right_{'in' if place < wanted else 'out_of'}_scope", key)


def _add_unrelated(scene: _Scene, count: int) -> list[_Employer]:
    """Company contacts that are neither customer nor vendor."""
    found = []
    for _ in range(count):
        company = scene.draw.company()
        number = f"CT{len(scene.left['contact']) + 1:06d}"
        row = left.company_contact(scene.draw, company, company.email, scene.new_id("contact"), number)
        scene.left["contact"].append(row)
        found.append(_Employer(company, number, "", None, "only_left_no_relation"))
    return found


def _add_person(scene: _Scene, employer: _Employer, rule: int) -> None:
    """One person in Business Central, and if a rule is given the same person in Dataverse."""
    draw, company = scene.draw, employer.company
    person = draw.person(company.country, company.city.area, company.domain)
    email, other_email = _emails(draw, person.email, person.other_email, rule, exact=1)
    phone = person.phone if rule == 2 else maybe(draw, 0.8, person.phone) or ""
    number = f"CT{len(scene.left['contact']) + 1:06d}"
    key = scene.new_id("contact")
    keys: Row = {"id": key, "no": number, "company_no": employer.contact_no, "salesperson_code": employer.salesperson}
    scene.left["contact"].append(left.person_contact(draw, person, company, keys, (email, phone)))
    if not rule:
        scene.note("CONTACT", employer.group, key)
        return
    other_phone = person.phone if rule == 2 else maybe(draw, 0.8, person.phone)
    other_key = scene.new_id("dataverse.contact")
    facts = (other_key, other_email, other_phone, str(employer.account), 0)
    _add_other_person(scene, person, company, rule, facts)
    scene.pair("CONTACT", key, other_key, rule)


def _add_other_person(
    scene: _Scene, person: Person, company: Company, rule: int, facts: tuple[str, str | None, str | None, str, int]
) -> None:
    """One person in Dataverse; `facts` are id, e-mail, telephone, account (blank: none) and state."""
    key, email, phone, account, state = facts
    keys: Row = {
        "contactid": key,
        "parentcustomerid": account or None,
        "parentcustomeridtype": "account" if account else None,
        "emailaddress1": email,
        "telephone1": phone,
        "transactioncurrencyid": scene.currencies["EUR"] if scene.rng.random() < 0.9 else None,
        "ownerid": _any_user(scene),
        "owneridtype": "systemuser",
        "statecode": state,
        "statuscode": 1 + state,
    }
    scene.right["contact"].append(right.contact(scene.draw, person, company, rule, keys))


def _add_number_series(scene: _Scene) -> None:
    """The number series go on where the numbers of the build ended."""
    used = {"CUST": ("C", 5, "customer"), "VEND": ("V", 5, "vendor"), "CONT": ("CT", 6, "contact")}
    rows = [(code, prefix, digits, len(scene.left[table])) for code, (prefix, digits, table) in used.items()]
    for code, prefix, digits, last in [*rows, ("SALESPERS", "SP NO. ", 5, 0)]:
        row: Row = {
            "id": scene.new_id("no_series"),
            "code": code,
            "prefix": prefix,
            "digits": digits,
            "last_number": last,
        }
        scene.left["no_series"].append(left.stamped(scene.draw, row))
