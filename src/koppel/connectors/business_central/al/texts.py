"""The texts of AL objects."""

from collections.abc import Sequence
from dataclasses import dataclass

from koppel.connectors.business_central.al.catalog import SOURCES, SYSTEM_FIELDS, Source

_COMPUTED = ("Balance Due", "Balance (LCY)")
"""Sums over other tables, which nobody can write."""


@dataclass(frozen=True)
class Route:
    """Where the pages of an app are found."""

    publisher: str
    group: str
    version: str


def quoted(name: str) -> str:
    """A name as AL takes it."""
    return name if name.isidentifier() else f'"{name}"'


def _page(number: int, name: str, route: Route, entity: tuple[str, str], properties: str, body: str) -> str:
    """An API page. `entity`: one record, and the set."""
    return f"""page {number} "{name}"
{{
    PageType = API;
    APIPublisher = '{route.publisher}';
    APIGroup = '{route.group}';
    APIVersion = '{route.version}';
    EntityName = '{entity[0]}';
    EntitySetName = '{entity[1]}';
    ODataKeyFields = SystemId;
    Extensible = false;
{properties}
{body}}}
"""


def _layout(fields: Sequence[tuple[str, str, bool]], trigger: str = "") -> str:
    """The controls of a page: property, expression, whether it can be written."""
    locked = "{ Editable = false; }"
    controls = "\n".join(
        f"                field({name}; {expression}) {'{ }' if editable else locked}"
        for name, expression, editable in fields
    )
    return f"""    layout
    {{
        area(Content)
        {{
            repeater(Records)
            {{
{controls}
            }}
        }}
    }}
{trigger}"""


_READ_ONLY = """    Editable = false;
    InsertAllowed = false;
    ModifyAllowed = false;
    DeleteAllowed = false;
"""


def page(number: int, set_name: str, names: Sequence[str], route: Route) -> str:
    """The page of a table with these fields, which takes an id that koppel chooses."""
    source = SOURCES[set_name]
    fields = [("id", "Rec.SystemId", source.writable)]
    for name in names:
        field = source.fields[name]
        fields.append((name, f"Rec.{quoted(field)}", source.writable and field not in _COMPUTED))
    fields += [(name, f"Rec.{field}", False) for name, field in SYSTEM_FIELDS.items()]
    rights = "    DelayedInsert = true;\n" if source.writable else _READ_ONLY
    properties = f"    SourceTable = {quoted(source.table)};\n{rights}"
    return _page(number, f"koppel {set_name}"[:30], route, (source.entity, set_name), properties, _layout(fields))


def deletion_table(number: int) -> str:
    """The log of deletions. Whoever may delete a record may have that written down, whatever his other rights."""
    return f"""table {number} "koppel Deleted Record"
{{
    Caption = 'Deleted record';
    DataClassification = SystemMetadata;
    InherentEntitlements = RIX;
    InherentPermissions = RIX;

    fields
    {{
        field(1; "Entry No."; Integer) {{ AutoIncrement = true; }}
        field(2; "Table No."; Integer) {{ }}
        field(3; "Record Id"; Guid) {{ }}
        field(4; "No."; Code[20]) {{ DataClassification = CustomerContent; }}
        field(5; "Deleted At"; DateTime) {{ }}
        field(6; "Deleted By"; Guid) {{ DataClassification = EndUserPseudonymousIdentifiers; }}
    }}

    keys
    {{
        key(PK; "Entry No.") {{ Clustered = true; }}
    }}
}}
"""


def deletion_page(number: int, route: Route) -> str:
    """The log for koppel, which asks for it by row version."""
    fields = [
        ("id", "Rec.SystemId", False),
        ("entryNo", 'Rec."Entry No."', False),
        ("tableNo", 'Rec."Table No."', False),
        ("recordId", 'Rec."Record Id"', False),
        ("number", 'Rec."No."', False),
        ("deletedAt", 'Rec."Deleted At"', False),
        ("deletedBy", 'Rec."Deleted By"', False),
        *((name, f"Rec.{field}", False) for name, field in SYSTEM_FIELDS.items()),
    ]
    properties = f'    SourceTable = "koppel Deleted Record";\n{_READ_ONLY}'
    entity = ("deletedRecord", "deletedRecords")
    return _page(number, "koppel deletedRecords", route, entity, properties, _layout(fields))


def deletion_log(number: int, sources: Sequence[Source]) -> str:
    """What writes the log: a subscriber for each table."""
    subscribers = "".join(_subscriber(source) for source in sources)
    return f"""codeunit {number} "koppel Deletion Log"
{{
    Access = Internal;
    InherentEntitlements = X;
    InherentPermissions = X;

    local procedure Log(TableNo: Integer; RecordId: Guid; Number: Code[20])
    var
        DeletedRecord: Record "koppel Deleted Record";
    begin
        DeletedRecord."Table No." := TableNo;
        DeletedRecord."Record Id" := RecordId;
        DeletedRecord."No." := Number;
        DeletedRecord."Deleted At" := CurrentDateTime();
        DeletedRecord."Deleted By" := UserSecurityId();
        DeletedRecord.Insert();
    end;
{subscribers}}}
"""


def _subscriber(source: Source) -> str:
    table, name = quoted(source.table), "".join(filter(str.isalnum, source.table))
    return f"""
    [EventSubscriber(ObjectType::Table, Database::{table}, 'OnAfterDeleteEvent', '', false, false)]
    local procedure OnAfterDelete{name}(var Rec: Record {table}; RunTrigger: Boolean)
    begin
        if not Rec.IsTemporary() then
            Log(Database::{table}, Rec.SystemId, Rec.{quoted(source.number)});
    end;
"""


def watermark_table(number: int) -> str:
    """How far row versions may be read."""
    return f"""table {number} "koppel Watermark"
{{
    Caption = 'Watermark';
    DataClassification = SystemMetadata;
    TableType = Temporary;

    fields
    {{
        field(1; "Code"; Code[10]) {{ }}
        field(2; "Last Used"; BigInteger) {{ }}
        field(3; "Minimum Active"; BigInteger) {{ }}
        field(4; "Now"; DateTime) {{ }}
    }}

    keys
    {{
        key(PK; "Code") {{ Clustered = true; }}
    }}
}}
"""


def watermark_page(number: int, route: Route) -> str:
    """One row, made when it is asked for."""
    fields = [
        ("id", "Rec.SystemId", False),
        ("lastUsedRowVersion", 'Rec."Last Used"', False),
        ("minimumActiveRowVersion", 'Rec."Minimum Active"', False),
        ("currentDateTime", "Rec.Now", False),
    ]
    trigger = """
    trigger OnOpenPage()
    begin
        Rec.Init();
        Rec."Minimum Active" := Database.MinimumActiveRowVersion();
        Rec."Last Used" := Database.LastUsedRowVersion();
        Rec.Now := CurrentDateTime();
        Rec.Insert();
    end;
"""
    properties = f'    SourceTable = "koppel Watermark";\n    SourceTableTemporary = true;\n{_READ_ONLY}'
    entity = ("watermark", "watermarks")
    return _page(number, "koppel watermarks", route, entity, properties, _layout(fields, trigger))


def series_page(number: int, route: Route) -> str:
    """The number series, and which tables take their numbers from one: whether numbers are given, and may be chosen."""
    fields = [
        ("id", "Rec.SystemId", False),
        ("code", "Rec.Code", False),
        ("displayName", "Rec.Description", False),
        ("defaultNos", 'Rec."Default Nos."', False),
        ("manualNos", 'Rec."Manual Nos."', False),
        ("usedBy", "UsedBy", False),
    ]
    trigger = """
    trigger OnAfterGetRecord()
    begin
        UsedBy := '';
        if SalesSetup.Get() and (SalesSetup."Customer Nos." = Rec.Code) then
            UsedBy += 'Customer,';
        if PurchaseSetup.Get() and (PurchaseSetup."Vendor Nos." = Rec.Code) then
            UsedBy += 'Vendor,';
        if MarketingSetup.Get() and (MarketingSetup."Contact Nos." = Rec.Code) then
            UsedBy += 'Contact,';
        if InventorySetup.Get() and (InventorySetup."Item Nos." = Rec.Code) then
            UsedBy += 'Item,';
    end;

    var
        SalesSetup: Record "Sales & Receivables Setup";
        PurchaseSetup: Record "Purchases & Payables Setup";
        MarketingSetup: Record "Marketing Setup";
        InventorySetup: Record "Inventory Setup";
        UsedBy: Text[50];
"""
    properties = f'    SourceTable = "No. Series";\n{_READ_ONLY}'
    entity = ("numberSerie", "numberSeries")
    return _page(number, "koppel numberSeries", route, entity, properties, _layout(fields, trigger))


def permission_set(number: int, sources: Sequence[Source], pages: Sequence[str]) -> str:
    """What the application that koppel signs in with has to be given, and no more."""
    rights = [f"tabledata {quoted(source.table)} = {'RIMD' if source.writable else 'R'}" for source in sources]
    rights += [
        'tabledata "koppel Deleted Record" = RI',
        'tabledata "koppel Watermark" = RIMD',
        'tabledata "No. Series" = R',
        'tabledata "Sales & Receivables Setup" = R',
        'tabledata "Purchases & Payables Setup" = R',
        'tabledata "Marketing Setup" = R',
        'tabledata "Inventory Setup" = R',
        'table "koppel Deleted Record" = X',
        'table "koppel Watermark" = X',
        'codeunit "koppel Deletion Log" = X',
    ]
    names = [*pages, "deletedRecords", "watermarks", "numberSeries"]
    rights += [f'page "{f"koppel {name}"[:30]}" = X' for name in names]
    listed = ",\n        ".join(rights)
    return f"""permissionset {number} "koppel sync"
{{
    Assignable = true;
    Caption = 'koppel synchronisation';
    Permissions =
        {listed};
}}
"""


def readme(api: str, pages: Sequence[str], first: int, last: int) -> str:
    """What to do with the app, and what nobody has tried."""
    listed = "\n".join(f"* `{page}` ({SOURCES[page].table})" for page in pages)
    return f"""# Pages for koppel

Written by `koppel export --al` from the mappings of a `koppel.toml`. **It has not been compiled**: no AL compiler
can be had where it was written, so the files were only compared with files that people have read. Compile it before
you rely on it.

{listed}

Beside them: `deletedRecords`, a log of deletions from the day of installation on; `watermarks`, which tells how far
row versions may be read while transactions are open; `numberSeries`, which tells whether numbers may be chosen.

## Installing it

1. Open this folder in Visual Studio Code with the AL Language extension, run *AL: Download symbols* and *AL: Package*.
2. Object ids {first} to {last} are used. Change `idRanges` and the ids if your tenant uses them already.
3. Upload the app on the page *Extension Management*, in a sandbox first.
4. On the page *Microsoft Entra Applications*, give the application that koppel signs in with the permission set
   *koppel sync*.
5. Write `api = "{api}"` into the system of `koppel.toml`, then run `koppel check`.

Deletions of before the installation are not in the log; `koppel sync --sweep` finds them by comparing ids.
"""
