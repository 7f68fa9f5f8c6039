"""The two databases of the demo world in SQL: tables, indexes and triggers.

Columns and lengths are those of Business Central (AL names in snake_case) and of Dataverse (logical names). The
declared type words carry the kind: CODETEXT is upper case text, UUIDTEXT a uuid, VARCHAR(n) text of at most n
characters; all of them have SQLite's TEXT affinity. Lengths that the public sources do not give are CHOSEN_LENGTHS.
"""

from typing import Final

_AL_BASE = "the length of this field in the AL base table; the API page does not publish it"
_ENTITY = "holds a Dataverse table name (systemuser, team, account, contact)"

# (table.column) -> (declared type, reason): lengths chosen here, because the field facts of both products give none.
CHOSEN_LENGTHS: Final[dict[str, tuple[str, str]]] = {
    "business_central.currency.iso_code": ("CODETEXT(3)", "ISO 4217 has three letters"),
    "business_central.customer.contact": ("VARCHAR(100)", _AL_BASE),
    "business_central.customer.fax_no": ("VARCHAR(30)", _AL_BASE),
    "business_central.customer.mobile_phone_no": ("VARCHAR(30)", _AL_BASE),
    "business_central.customer.credit_limit_lcy": ("DECIMAL(15,2)", "SQLite keeps 15 digits exactly"),
    "business_central.customer.blocked": ("VARCHAR(10)", "the longest caption of the enumeration has 7"),
    "business_central.vendor.contact": ("VARCHAR(100)", _AL_BASE),
    "business_central.vendor.fax_no": ("VARCHAR(30)", _AL_BASE),
    "business_central.vendor.mobile_phone_no": ("VARCHAR(30)", _AL_BASE),
    "business_central.vendor.purchaser_code": ("CODETEXT(20)", _AL_BASE),
    "business_central.vendor.blocked": ("VARCHAR(10)", "the longest caption of the enumeration has 7"),
    "business_central.contact.type": ("VARCHAR(10)", "the longest caption of the enumeration has 7"),
    "business_central.contact.first_name": ("VARCHAR(30)", _AL_BASE),
    "business_central.contact.middle_name": ("VARCHAR(30)", _AL_BASE),
    "business_central.contact.surname": ("VARCHAR(30)", _AL_BASE),
    "business_central.contact.fax_no": ("VARCHAR(30)", _AL_BASE),
    "business_central.contact.pager": ("VARCHAR(30)", _AL_BASE),
    "business_central.contact.salesperson_code": ("CODETEXT(20)", _AL_BASE),
    "business_central.contact.currency_code": ("CODETEXT(10)", _AL_BASE),
    "business_central.contact_business_relation.contact_no": ("CODETEXT(20)", _AL_BASE),
    "business_central.contact_business_relation.business_relation_code": ("CODETEXT(10)", _AL_BASE),
    "business_central.contact_business_relation.link_to_table": ("VARCHAR(20)", "the name of a table"),
    "business_central.contact_business_relation.no": ("CODETEXT(20)", _AL_BASE),
    "business_central.no_series.code": ("CODETEXT(20)", _AL_BASE),
    "business_central.no_series.description": ("VARCHAR(100)", _AL_BASE),
    "business_central.no_series.prefix": ("VARCHAR(10)", "a number series here is a prefix and a counter"),
    "dataverse.transactioncurrency.exchangerate": ("DECIMAL(15,6)", "SQLite keeps 15 digits exactly"),
    "dataverse.account.creditlimit": ("DECIMAL(19,4)", "Dataverse money has four decimals"),
    "dataverse.account.owneridtype": ("VARCHAR(64)", _ENTITY),
    "dataverse.contact.owneridtype": ("VARCHAR(64)", _ENTITY),
    "dataverse.contact.parentcustomeridtype": ("VARCHAR(64)", _ENTITY),
}

_BC_NOW = "TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))"
_DV_NOW = "TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))"

_BC_ADDRESS = """
  address VARCHAR(100) NOT NULL DEFAULT '',
  address_2 VARCHAR(50) NOT NULL DEFAULT '',
  post_code CODETEXT(20) NOT NULL DEFAULT '',
  city VARCHAR(30) NOT NULL DEFAULT '',
  county VARCHAR(30) NOT NULL DEFAULT '',
  country_region_code CODETEXT(10) NOT NULL DEFAULT '',
  phone_no VARCHAR(30) NOT NULL DEFAULT '',
  mobile_phone_no VARCHAR(30) NOT NULL DEFAULT '',
  fax_no VARCHAR(30) NOT NULL DEFAULT '',
  e_mail VARCHAR(80) NOT NULL DEFAULT '',
  home_page VARCHAR(255) NOT NULL DEFAULT '',"""

# BC has no null: every text is NOT NULL DEFAULT ''. Only a number may be missing for the moment of its own insert.
BUSINESS_CENTRAL_TABLES: Final = f"""
CREATE TABLE no_series (
  id UUIDTEXT NOT NULL PRIMARY KEY,
  code CODETEXT(20) NOT NULL UNIQUE,
  description VARCHAR(100) NOT NULL DEFAULT '',
  prefix VARCHAR(10) NOT NULL DEFAULT '',
  digits INTEGER NOT NULL,
  last_number INTEGER NOT NULL DEFAULT 0,
  modified_at {_BC_NOW}
);
CREATE TABLE currency (
  id UUIDTEXT NOT NULL PRIMARY KEY,
  code CODETEXT(10) NOT NULL UNIQUE,
  iso_code CODETEXT(3) NOT NULL DEFAULT '',
  description VARCHAR(30) NOT NULL DEFAULT '',
  symbol VARCHAR(10) NOT NULL DEFAULT '',
  modified_at {_BC_NOW}
);
CREATE TABLE salesperson (
  id UUIDTEXT NOT NULL PRIMARY KEY,
  code CODETEXT(20) UNIQUE,
  name VARCHAR(50) NOT NULL DEFAULT '',
  e_mail VARCHAR(80) NOT NULL DEFAULT '',
  phone_no VARCHAR(30) NOT NULL DEFAULT '',
  job_title VARCHAR(30) NOT NULL DEFAULT '',
  modified_at {_BC_NOW}
);
CREATE TABLE customer (
  id UUIDTEXT NOT NULL PRIMARY KEY,
  no CODETEXT(20) UNIQUE,
  name VARCHAR(100) NOT NULL DEFAULT '',
  contact VARCHAR(100) NOT NULL DEFAULT '',{_BC_ADDRESS}
  salesperson_code CODETEXT(20) NOT NULL DEFAULT '',
  currency_code CODETEXT(10) NOT NULL DEFAULT '',
  credit_limit_lcy DECIMAL(15,2) NOT NULL DEFAULT 0,
  blocked VARCHAR(10) NOT NULL DEFAULT '' CHECK (blocked IN ('', 'Ship', 'Invoice', 'All')),
  modified_at {_BC_NOW}
);
CREATE TABLE vendor (
  id UUIDTEXT NOT NULL PRIMARY KEY,
  no CODETEXT(20) UNIQUE,
  name VARCHAR(100) NOT NULL DEFAULT '',
  contact VARCHAR(100) NOT NULL DEFAULT '',{_BC_ADDRESS}
  purchaser_code CODETEXT(20) NOT NULL DEFAULT '',
  currency_code CODETEXT(10) NOT NULL DEFAULT '',
  blocked VARCHAR(10) NOT NULL DEFAULT '' CHECK (blocked IN ('', 'Payment', 'All')),
  modified_at {_BC_NOW}
);
CREATE TABLE contact (
  id UUIDTEXT NOT NULL PRIMARY KEY,
  no CODETEXT(20) UNIQUE,
  type VARCHAR(10) NOT NULL DEFAULT 'Company' CHECK (type IN ('Company', 'Person')),
  company_no CODETEXT(20) NOT NULL DEFAULT '',
  first_name VARCHAR(30) NOT NULL DEFAULT '',
  middle_name VARCHAR(30) NOT NULL DEFAULT '',
  surname VARCHAR(30) NOT NULL DEFAULT '',
  name VARCHAR(100) NOT NULL DEFAULT '',
  job_title VARCHAR(30) NOT NULL DEFAULT '',{_BC_ADDRESS}
  pager VARCHAR(30) NOT NULL DEFAULT '',
  salesperson_code CODETEXT(20) NOT NULL DEFAULT '',
  currency_code CODETEXT(10) NOT NULL DEFAULT '',
  modified_at {_BC_NOW}
);
CREATE TABLE contact_business_relation (
  id UUIDTEXT NOT NULL PRIMARY KEY,
  contact_no CODETEXT(20) NOT NULL DEFAULT '',
  business_relation_code CODETEXT(10) NOT NULL DEFAULT '',
  link_to_table VARCHAR(20) NOT NULL CHECK (link_to_table IN ('Customer', 'Vendor')),
  no CODETEXT(20) NOT NULL DEFAULT '',
  modified_at {_BC_NOW},
  UNIQUE (contact_no, link_to_table)
);
"""

_DV_ADDRESS = """
  address1_line1 VARCHAR(250),
  address1_line2 VARCHAR(250),
  address1_postalcode VARCHAR(20),
  address1_city VARCHAR(80),
  address1_stateorprovince VARCHAR(50),
  address1_country VARCHAR(80),
  telephone1 VARCHAR(50),
  fax VARCHAR(50),
  emailaddress1 VARCHAR(100),
  websiteurl VARCHAR(200),"""

_DV_STATE = """
  transactioncurrencyid UUIDTEXT REFERENCES transactioncurrency (transactioncurrencyid),
  ownerid UUIDTEXT REFERENCES systemuser (systemuserid),
  owneridtype VARCHAR(64) DEFAULT 'systemuser' CHECK (owneridtype IN ('systemuser', 'team')),
  statecode INTEGER NOT NULL DEFAULT 0 CHECK (statecode IN (0, 1)),
  statuscode INTEGER NOT NULL DEFAULT 1 CHECK (statuscode IN (1, 2)),"""

DATAVERSE_TABLES: Final = f"""
CREATE TABLE transactioncurrency (
  transactioncurrencyid UUIDTEXT NOT NULL PRIMARY KEY,
  isocurrencycode VARCHAR(5),
  currencyname VARCHAR(100),
  currencysymbol VARCHAR(10),
  currencyprecision INTEGER NOT NULL DEFAULT 2,
  exchangerate DECIMAL(15,6) NOT NULL DEFAULT 1,
  modifiedon {_DV_NOW}
);
CREATE TABLE systemuser (
  systemuserid UUIDTEXT NOT NULL PRIMARY KEY,
  firstname VARCHAR(64),
  lastname VARCHAR(64),
  fullname VARCHAR(200),
  internalemailaddress VARCHAR(100),
  mobilephone VARCHAR(64),
  jobtitle VARCHAR(100),
  isdisabled BOOLEAN NOT NULL DEFAULT 0,
  islicensed BOOLEAN NOT NULL DEFAULT 0,
  isintegrationuser BOOLEAN NOT NULL DEFAULT 0,
  modifiedon {_DV_NOW}
);
CREATE TABLE account (
  accountid UUIDTEXT NOT NULL PRIMARY KEY,
  accountnumber VARCHAR(20),
  name VARCHAR(160),
  customertypecode INTEGER CHECK (customertypecode BETWEEN 1 AND 12),
  address1_primarycontactname VARCHAR(100),{_DV_ADDRESS}
  telephone2 VARCHAR(50),
  creditlimit DECIMAL(19,4),{_DV_STATE}
  modifiedon {_DV_NOW}
);
CREATE TABLE contact (
  contactid UUIDTEXT NOT NULL PRIMARY KEY,
  parentcustomerid UUIDTEXT REFERENCES account (accountid),
  parentcustomeridtype VARCHAR(64) CHECK (parentcustomeridtype IN ('account', 'contact')),
  firstname VARCHAR(50),
  middlename VARCHAR(50),
  lastname VARCHAR(50),
  fullname VARCHAR(160),
  jobtitle VARCHAR(100),{_DV_ADDRESS}
  mobilephone VARCHAR(50),
  pager VARCHAR(50),{_DV_STATE}
  modifiedon {_DV_NOW}
);
"""

# `lower(…)`: the columns that are matched without regard to case.
BUSINESS_CENTRAL_INDEXES: Final = """
CREATE INDEX currency_modified ON currency (modified_at);
CREATE INDEX salesperson_modified ON salesperson (modified_at);
CREATE INDEX salesperson_e_mail ON salesperson (lower(e_mail));
CREATE INDEX customer_modified ON customer (modified_at);
CREATE INDEX customer_e_mail ON customer (lower(e_mail));
CREATE INDEX customer_name ON customer (lower(name), post_code);
CREATE INDEX vendor_modified ON vendor (modified_at);
CREATE INDEX vendor_e_mail ON vendor (lower(e_mail));
CREATE INDEX vendor_name ON vendor (lower(name), post_code);
CREATE INDEX contact_modified ON contact (modified_at);
CREATE INDEX contact_company ON contact (company_no);
CREATE INDEX contact_e_mail ON contact (lower(e_mail));
CREATE INDEX contact_person ON contact (surname, first_name, phone_no);
CREATE INDEX contact_business_relation_modified ON contact_business_relation (modified_at);
CREATE INDEX contact_business_relation_contact ON contact_business_relation (contact_no);
CREATE INDEX contact_business_relation_no ON contact_business_relation (no);
"""

DATAVERSE_INDEXES: Final = """
CREATE INDEX transactioncurrency_modified ON transactioncurrency (modifiedon);
CREATE INDEX transactioncurrency_iso ON transactioncurrency (isocurrencycode);
CREATE INDEX systemuser_modified ON systemuser (modifiedon);
CREATE INDEX systemuser_email ON systemuser (lower(internalemailaddress));
CREATE INDEX account_modified ON account (modifiedon);
CREATE INDEX account_number ON account (accountnumber);
CREATE INDEX account_email ON account (lower(emailaddress1));
CREATE INDEX account_name ON account (lower(name), address1_postalcode);
CREATE INDEX contact_modified ON contact (modifiedon);
CREATE INDEX contact_parent ON contact (parentcustomerid);
CREATE INDEX contact_email ON contact (lower(emailaddress1));
CREATE INDEX contact_person ON contact (lastname, firstname, telephone1);
"""

# A uuid v7 in SQL: 48 bits of milliseconds, then random bits; it grows like the ids of the application.
_MILLISECONDS = "printf('%012x', CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER))"
_NEW_ID = f"""lower(substr({_MILLISECONDS}, 1, 8) || '-' || substr({_MILLISECONDS}, 9) || '-7'
    || substr(hex(randomblob(2)), 2) || '-8' || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))"""


def _next_number(table: str, column: str, series: str) -> str:
    """Trigger statements that give the row just inserted the next number of its series, unless it brought its own."""
    return f"""
  UPDATE no_series SET last_number = last_number + 1 WHERE code = '{series}' AND coalesce(NEW.{column}, '') = '';
  UPDATE {table} SET {column} = (SELECT prefix || printf('%0' || digits || 'd', last_number) FROM no_series
    WHERE code = '{series}') WHERE id = NEW.id AND coalesce({column}, '') = '';"""


def _company_triggers(table: str, series: str, link: str, relation: str) -> str:
    """Triggers of customer or vendor: a new one gets a number and, as in BC, a company contact; a deleted one loses its
    relation. One trigger does all of it, because SQLite does not promise an order between triggers."""
    return f"""
CREATE TRIGGER {table}_insert AFTER INSERT ON {table} BEGIN{_next_number(table, "no", series)}
  INSERT INTO contact (id, type, name, address, address_2, post_code, city, county, country_region_code, phone_no,
    e_mail) SELECT {_NEW_ID}, 'Company', name, address, address_2, post_code, city, county, country_region_code,
    phone_no, e_mail FROM {table} WHERE id = NEW.id;
  INSERT INTO contact_business_relation (id, contact_no, business_relation_code, link_to_table, no)
    SELECT {_NEW_ID}, (SELECT no FROM contact ORDER BY rowid DESC LIMIT 1), '{relation}', '{link}', no
    FROM {table} WHERE id = NEW.id;
END;
CREATE TRIGGER {table}_delete AFTER DELETE ON {table} BEGIN
  DELETE FROM contact_business_relation WHERE link_to_table = '{link}' AND no = OLD.no;
END;
"""


_BC_PERSON_NAME = """
  UPDATE contact SET name = trim(replace(first_name || ' ' || middle_name || ' ' || surname, '  ', ' '))
    WHERE id = NEW.id AND type = 'Person';"""

BUSINESS_CENTRAL_TRIGGERS: Final = f"""
{_company_triggers("customer", "CUST", "Customer", "CUST")}
{_company_triggers("vendor", "VEND", "Vendor", "VEND")}
CREATE TRIGGER salesperson_insert AFTER INSERT ON salesperson BEGIN{_next_number("salesperson", "code", "SALESPERS")}
END;
CREATE TRIGGER contact_insert AFTER INSERT ON contact BEGIN{_next_number("contact", "no", "CONT")}
  UPDATE contact SET company_no = no WHERE id = NEW.id AND type = 'Company';{_BC_PERSON_NAME}
END;
CREATE TRIGGER contact_person_name AFTER UPDATE OF first_name, middle_name, surname ON contact BEGIN{_BC_PERSON_NAME}
END;
"""


def _full_name(table: str, key: str, parts: str) -> str:
    """Triggers that keep Dataverse's read-only `fullname`."""
    value = f"trim(replace({parts}, '  ', ' '))"
    columns = "firstname, middlename, lastname" if "middlename" in parts else "firstname, lastname"
    body = f"BEGIN UPDATE {table} SET fullname = {value} WHERE {key} = NEW.{key}; END;"
    return f"""
CREATE TRIGGER {table}_insert AFTER INSERT ON {table} {body}
CREATE TRIGGER {table}_fullname AFTER UPDATE OF {columns} ON {table} {body}
"""


_FIRST, _LAST = "coalesce(firstname, '')", "coalesce(lastname, '')"
DATAVERSE_TRIGGERS: Final = _full_name("systemuser", "systemuserid", f"{_FIRST} || ' ' || {_LAST}") + _full_name(
    "contact", "contactid", f"{_FIRST} || ' ' || coalesce(middlename, '') || ' ' || {_LAST}"
)
