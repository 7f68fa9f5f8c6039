"""The tables of the sandbox's environment: the standard ones koppel's preset maps, with a few custom columns.

Lengths and options are those of the field facts beside the wire report. Custom columns (`new_`) are there for what
standard ones of these tables do not show: choices with several values, a lookup whose navigation property has capitals,
times without a zone, a date that is a time after all.
"""

from collections.abc import Iterable, Mapping

from koppel.sandbox.dataverse.shape import Behaviour, Column, Key, Kind, Table, Target

ACCOUNT_NUMBER_KEY = "new_accountnumber_key"
_RELATIONSHIP = {
    1: "Competitor",
    2: "Consultant",
    3: "Customer",
    4: "Investor",
    5: "Partner",
    6: "Influencer",
    7: "Press",
    8: "Prospect",
    9: "Reseller",
    10: "Supplier",
    11: "Vendor",
    12: "Other",
}
_CONTACT_METHOD = {1: "Any", 2: "Email", 3: "Phone", 4: "Fax", 5: "Mail"}
_STATES = {0: "Active", 1: "Inactive"}
_STATUSES = {1: "Active", 2: "Inactive"}


def _text(length: int, *names: str) -> list[Column]:
    return [Column(name, Kind.TEXT, length=length) for name in names]


def _lookup(name: str, table: str, navigation: str = "", writable: bool = True, schema_name: str = "") -> Column:
    targets = (Target(table, navigation or name),)
    return Column(name, Kind.LOOKUP, targets=targets, create=writable, update=writable, schema_name=schema_name)


def _money(*names: str) -> list[Column]:
    """Money columns with the amount in the base currency the system keeps beside them (wire 1.5)."""
    bases = [Column(f"{name}_base", Kind.MONEY, precision=4, create=False, update=False) for name in names]
    return [*(Column(name, Kind.MONEY, precision=4) for name in names), *bases]


def _seen(name: str, kind: Kind, create: bool = False) -> Column:
    return Column(name, kind, create=create, update=False, precision=10)


def _system(owned: bool, stateful: bool = True) -> Iterable[Column]:
    """What the system keeps of every row."""
    yield _seen("createdon", Kind.DATETIME)
    yield _seen("modifiedon", Kind.DATETIME)
    yield _seen("versionnumber", Kind.BIGINT)
    yield _seen("overriddencreatedon", Kind.DATETIME, create=True)
    yield _lookup("createdby", "systemuser", writable=False)
    yield _lookup("modifiedby", "systemuser", writable=False)
    if owned:
        yield Column("ownerid", Kind.OWNER, targets=(Target("systemuser", "ownerid"), Target("team", "ownerid")))
    if stateful:
        yield Column("statecode", Kind.STATE, options=_STATES)
        yield Column("statuscode", Kind.STATUS, options=_STATUSES, states={1: 0, 2: 1})


def _address() -> Iterable[Column]:
    yield from _text(250, "address1_line1", "address1_line2", "address1_line3")
    yield from _text(80, "address1_city", "address1_country")
    yield from _text(50, "address1_stateorprovince")
    yield from _text(20, "address1_postalcode")
    yield Column("address1_composite", Kind.MEMO, length=1000, create=False, update=False)


def _reach() -> Iterable[Column]:
    yield from _text(50, "telephone1", "telephone2", "fax")
    yield from _text(100, "emailaddress1")
    yield from _text(200, "websiteurl")
    yield Column("description", Kind.MEMO, length=2000)


def _commerce() -> Iterable[Column]:
    yield _lookup("transactioncurrencyid", "transactioncurrency")
    yield _seen("exchangerate", Kind.DECIMAL)
    yield Column("creditonhold", Kind.BOOLEAN)
    yield Column("preferredcontactmethodcode", Kind.CHOICE, options=_CONTACT_METHOD)
    yield Column("merged", Kind.BOOLEAN, create=False, update=False)


def _table(name: str, set_name: str, name_column: str, columns: Iterable[Column], **more: object) -> Table:
    identity = Column(f"{name}id", Kind.ID, update=False)
    by_name: Mapping[str, Column] = {column.name: column for column in (identity, *columns)}
    return Table(name, set_name, identity.name, name_column, by_name, **more)  # type: ignore[arg-type]


ACCOUNT = _table(
    "account",
    "accounts",
    "name",
    [
        *_text(160, "name"),
        *_text(20, "accountnumber"),
        *_text(100, "address1_primarycontactname"),
        *_reach(),
        *_address(),
        *_commerce(),
        *_money("creditlimit", "revenue"),
        Column("numberofemployees", Kind.INTEGER, low=0, high=1_000_000_000),
        Column("customertypecode", Kind.CHOICE, options=_RELATIONSHIP),
        _lookup("primarycontactid", "contact"),
        _lookup("parentaccountid", "account"),
        _lookup("masterid", "account", writable=False),
        Column("new_segments", Kind.CHOICES, options={1: "Retail", 2: "Wholesale", 3: "Export"}),
        _lookup("new_keyaccountmanager", "systemuser", "new_KeyAccountManager", schema_name="new_KeyAccountManager"),
        Column("new_deliverytime", Kind.DATETIME, behaviour=Behaviour.ZONELESS),
        Column("new_contractdate", Kind.DATETIME, date_format=True),
        *_system(owned=True),
    ],
    keys=(Key(ACCOUNT_NUMBER_KEY, ("accountnumber",)),),
)

CONTACT = _table(
    "contact",
    "contacts",
    "fullname",
    [
        *_text(50, "firstname", "middlename", "lastname", "mobilephone", "pager"),
        *_text(100, "jobtitle", "salutation"),
        Column("fullname", Kind.TEXT, length=160, create=False, update=False),
        *_reach(),
        *_address(),
        *_commerce(),
        *_money("creditlimit"),
        Column("gendercode", Kind.CHOICE, options={1: "Male", 2: "Female"}),
        Column("birthdate", Kind.DATETIME, behaviour=Behaviour.DATE_ONLY, date_format=True),
        Column(
            "parentcustomerid",
            Kind.CUSTOMER,
            targets=(Target("account", "parentcustomerid_account"), Target("contact", "parentcustomerid_contact")),
        ),
        _lookup("masterid", "contact", writable=False),
        *_system(owned=True),
    ],
    # Two contacts may share an address, so the index of this key could not be built.
    keys=(Key("new_emailaddress1_key", ("emailaddress1",), status="Failed"),),
)

SYSTEMUSER = _table(
    "systemuser",
    "systemusers",
    "fullname",
    [
        *_text(64, "firstname", "lastname", "mobilephone"),
        *_text(100, "internalemailaddress", "personalemailaddress", "jobtitle"),
        *_text(250, "domainname"),
        Column("fullname", Kind.TEXT, length=200, create=False, update=False),
        Column("isdisabled", Kind.BOOLEAN, create=False, update=False),
        Column("islicensed", Kind.BOOLEAN, create=False, update=False),
        Column("isintegrationuser", Kind.BOOLEAN, create=False, update=False),
        Column(
            "accessmode", Kind.CHOICE, options={0: "Read-Write", 1: "Administrative", 2: "Read", 4: "Non-interactive"}
        ),
        Column("applicationid", Kind.ID, create=False, update=False),
        *_system(owned=False, stateful=False),
    ],
    owned=False,
    creatable=False,
)

CURRENCY = _table(
    "transactioncurrency",
    "transactioncurrencies",
    "currencyname",
    [
        Column("isocurrencycode", Kind.TEXT, length=5, update=False),
        *_text(100, "currencyname"),
        *_text(10, "currencysymbol"),
        Column("currencyprecision", Kind.INTEGER, low=0, high=4),
        Column("exchangerate", Kind.DECIMAL, precision=10),
        *_system(owned=False),
    ],
    keys=(Key("new_isocurrencycode_key", ("isocurrencycode",)),),
    owned=False,
)

TEAM = _table(
    "team", "teams", "name", [*_text(160, "name"), *_system(owned=False, stateful=False)], owned=False, tracked=False
)

TABLES: Mapping[str, Table] = {table.name: table for table in (ACCOUNT, CONTACT, SYSTEMUSER, CURRENCY, TEAM)}
