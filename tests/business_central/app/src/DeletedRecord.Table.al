table 50100 "koppel Deleted Record"
{
    Caption = 'Deleted record';
    DataClassification = SystemMetadata;
    InherentEntitlements = RIX;
    InherentPermissions = RIX;

    fields
    {
        field(1; "Entry No."; Integer) { AutoIncrement = true; }
        field(2; "Table No."; Integer) { }
        field(3; "Record Id"; Guid) { }
        field(4; "No."; Code[20]) { DataClassification = CustomerContent; }
        field(5; "Deleted At"; DateTime) { }
        field(6; "Deleted By"; Guid) { DataClassification = EndUserPseudonymousIdentifiers; }
    }

    keys
    {
        key(PK; "Entry No.") { Clustered = true; }
    }
}
