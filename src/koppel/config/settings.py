"""Every setting of koppel.toml: its name, the form of its value, its default and what it means.

The one list behind reading, writing, the JSON Schema and the tables of `docs/reference/configuration.md`.
"""

from dataclasses import dataclass
from enum import StrEnum

from koppel.model.policy import ConflictScope, Direction, Drift, FilterScope, FirstContact, OnConflict, OnDelete


class Form(StrEnum):
    """How the value of a setting is written."""

    TEXT = "text"
    BOOLEAN = "true or false"
    COUNT = "whole number"
    NUMBER = "number"
    PERCENT = "0 to 100"
    PERIOD = "period or `off`"
    WORD = "one of"
    NAMES = "list of names"
    KEY = "name or list of names"
    GROUPS = "list of lists of names"
    TABLE = "system.table"
    FILTER = "filter"
    ASSIGNMENT = "field = value"
    RULES = "list of match rules"
    FIELDS = "list of field lines"
    CALLS = "list of conversions"
    CONSTANT = "text, whole number, true or false"
    KINDS = "table of tables"
    SIGN_IN = "table"
    NUMBERS = "`series`, `reserved FIRST..LAST` or `client id`"


@dataclass(frozen=True)
class Setting:
    """One setting. `default` None: see `required`; a setting that is neither has nothing or is found out."""

    name: str
    form: Form
    doc: str
    default: str | int | bool | None = None
    words: type[StrEnum] | None = None
    """The values of a WORD."""
    required: bool = False


class Environment(StrEnum):
    """What kind of systems these are; the store remembers it and refuses the other kind."""

    PRODUCTION = "production"
    SANDBOX = "sandbox"


class Connector(StrEnum):
    """What koppel connects to a system with."""

    SQL = "sql"
    ODATA = "odata"
    DATAVERSE = "dataverse"
    BUSINESS_CENTRAL = "business-central"


class Credential(StrEnum):
    """Where the credential of a system comes from that does not stand in the file."""

    HANDED_OVER = "handed over"


KOPPEL_SETTINGS = (
    Setting(
        "store",
        Form.TEXT,
        "where koppel keeps its couplings: an SQLite or PostgreSQL URL, or a reference to one",
        "sqlite:///koppel.db",
    ),
    Setting(
        "environment",
        Form.WORD,
        "`production` or `sandbox`; the store remembers it and refuses the other",
        "production",
        Environment,
    ),
)

SYSTEM_SETTINGS = (
    Setting("connector", Form.WORD, "what koppel connects with", words=Connector, required=True),
    Setting("url", Form.TEXT, "a URL without password, or a reference to one", required=True),
    Setting("timezone", Form.TEXT, "the zone of date-times that carry none, such as `Europe/Amsterdam`", "UTC"),
    Setting(
        "fields",
        Form.KINDS,
        'the kind of columns whose declared type says too little: `fields.customer.no = "code"`',
    ),
    Setting("auth", Form.SIGN_IN, "how koppel signs in to a service; secrets by reference"),
    Setting(
        "batch",
        Form.BOOLEAN,
        "whether a service of `odata` is sent many requests in one; unless said: where its `$metadata` offers it",
    ),
    Setting(
        "ca_file",
        Form.TEXT,
        "of `dataverse` and `business-central`: a PEM file of the authorities to trust instead of the usual ones",
    ),
    Setting(
        "environment",
        Form.TEXT,
        "of `business-central`: the name of the environment; without one the url is that of a server on premises",
    ),
    Setting("company", Form.TEXT, "of `business-central`: name or id of the company; needed where there are several"),
    Setting(
        "api",
        Form.TEXT,
        "of `business-central`: publisher/group/version of an app's pages; unless said: `v2.0`, the standard pages",
    ),
    Setting(
        "initial_load",
        Form.BOOLEAN,
        "of `dataverse`: hold back the environment's own plug-ins, workflows and flows while koppel writes",
    ),
)

SIGN_IN_SETTINGS = (
    Setting("user", Form.TEXT, "a user of the service"),
    Setting("password", Form.TEXT, "a reference to the user's password or web service access key"),
    Setting("tenant", Form.TEXT, "the tenant of Microsoft Entra ID in which the app is registered"),
    Setting("client", Form.TEXT, "the client id of the app registration"),
    Setting("secret", Form.TEXT, "a reference to its client secret"),
    Setting("certificate", Form.TEXT, "instead: a reference to a PEM text with its certificate and private key"),
    Setting(
        "credential", Form.WORD, "instead: the program that opens koppel hands over a credential", words=Credential
    ),
    Setting("scope", Form.TEXT, "what the token is for; the origin of the url with `/.default`, unless it is said"),
    Setting("authority", Form.TEXT, "who gives tokens, for other clouds", "https://login.microsoftonline.com"),
)

# What [defaults] may hold: settings that mean the same in every mapping.
POLICY_SETTINGS = (
    Setting("direction", Form.WORD, "which way records travel", "<->", Direction),
    Setting("only_coupled", Form.BOOLEAN, "uncoupled records are left alone; off: they are created and coupled", True),
    Setting("on_conflict", Form.WORD, "who wins a field changed on both sides to different values", "ask", OnConflict),
    Setting(
        "conflict_scope",
        Form.WORD,
        "what a conflict holds back: its fields or the whole record",
        "field",
        ConflictScope,
    ),
    Setting("on_delete", Form.WORD, "what happens when one record of a coupling was deleted", "ask", OnDelete),
    Setting("first_contact", Form.WORD, "who wins where two values differ that never agreed", "ask", FirstContact),
    Setting("filter_scope", Form.WORD, "the filters bind every record, or only new ones", "everything", FilterScope),
    Setting(
        "drift", Form.WORD, "an edit on the receiving side of a one-way field: show it or overwrite it", "show", Drift
    ),
    Setting("page", Form.TEXT, "the connection page it belongs to, for `full --page`", ""),
    Setting("history_days", Form.COUNT, "how long the history of updates and deletes is kept; 0 = none", 90),
    Setting("sweep_hours", Form.NUMBER, "how old the last look for deletions may be; 0 = every run", 24),
    Setting("skew_seconds", Form.NUMBER, "within this much `newest` is nobody", 2),
    Setting("guard_rows", Form.COUNT, "deletions, uncouplings or blankings in one job without a question", 50),
    Setting("guard_percent", Form.PERCENT, "the same as a part of the couplings; the larger of both counts", 20),
    Setting("every", Form.PERIOD, "how often `koppel worker` runs it: `30s`, `5m`, `2h`, `1d`; `off` = never", "30m"),
)

_TABLES = (
    Setting("left", Form.TABLE, "the left table", required=True),
    Setting("right", Form.TABLE, "the right table", required=True),
)


def _side_settings(side: str) -> tuple[Setting, ...]:
    return (
        Setting(f"{side}_filter", Form.FILTER, f"which records of the {side} table take part"),
        Setting(f"{side}_key", Form.KEY, f"the key of the {side} table, when the table does not say it"),
        Setting(f"{side}_modified", Form.TEXT, f"the field of the {side} table that carries the change stamp"),
        Setting(f"{side}_lag_seconds", Form.NUMBER, f"how late a change of the {side} table may become visible"),
        Setting(
            f"{side}_numbers",
            Form.NUMBERS,
            f"who gives new records of the {side} table, of `business-central`, their numbers",
        ),
        Setting(f"{side}_deactivate", Form.ASSIGNMENT, f"what puts a record of the {side} table out of use"),
    )


MAPPING_SETTINGS = (
    *_TABLES,
    *POLICY_SETTINGS,
    *_side_settings("left"),
    *_side_settings("right"),
    Setting("after", Form.NAMES, "mappings that run before this one, besides those it refers to"),
    Setting("match", Form.RULES, "what makes two uncoupled records a likely pair, in order of priority"),
    Setting("together", Form.GROUPS, "groups of left fields that are one value in the eyes of a conflict"),
    Setting("fields", Form.FIELDS, "the field lines", required=True),
)

FIELD_SETTINGS = (
    Setting("left", Form.TEXT, "the left field; left out where a constant takes its place"),
    Setting("right", Form.TEXT, "the right field; left out where a constant takes its place"),
    Setting("direction", Form.WORD, "which way the value travels", "<->", Direction),
    Setting("convert_right", Form.CALLS, "conversions of the left value on its way to the right"),
    Setting("convert_left", Form.CALLS, "conversions on the way left; of a two-way field by default the inverses"),
    Setting("constant", Form.CONSTANT, "the value that takes the place of a field"),
    Setting("reference", Form.TEXT, "what stands behind `@` in a line, with `(blank = …)` at its end"),
    Setting("not_null", Form.BOOLEAN, "a blank is not written", False),
    Setting("clear_on_failed", Form.BOOLEAN, "a reference that leads nowhere is written as a blank", False),
    Setting("on_create", Form.BOOLEAN, "written when the record is created and never looked at again", False),
    Setting("on_conflict", Form.WORD, "as for the mapping, for this field only", words=OnConflict),
    Setting("resolver", Form.WORD, "another name of `on_conflict`", words=OnConflict),
    Setting("enabled", Form.BOOLEAN, "off: the line is kept and does nothing", True),
)
