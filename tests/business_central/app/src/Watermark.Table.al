table 50101 "koppel Watermark"
{
    Caption = 'Watermark';
    DataClassification = SystemMetadata;
    TableType = Temporary;

    fields
    {
        field(1; "Code"; Code[10]) { }
        field(2; "Last Used"; BigInteger) { }
        field(3; "Minimum Active"; BigInteger) { }
        field(4; "Now"; DateTime) { }
    }

    keys
    {
        key(PK; "Code") { Clustered = true; }
    }
}
