page 50101 "koppel watermarks"
{
    PageType = API;
    APIPublisher = 'contoso';
    APIGroup = 'sync';
    APIVersion = 'v1.0';
    EntityName = 'watermark';
    EntitySetName = 'watermarks';
    ODataKeyFields = SystemId;
    Extensible = false;
    SourceTable = "koppel Watermark";
    SourceTableTemporary = true;
    Editable = false;
    InsertAllowed = false;
    ModifyAllowed = false;
    DeleteAllowed = false;

    layout
    {
        area(Content)
        {
            repeater(Records)
            {
                field(id; Rec.SystemId) { Editable = false; }
                field(lastUsedRowVersion; Rec."Last Used") { Editable = false; }
                field(minimumActiveRowVersion; Rec."Minimum Active") { Editable = false; }
                field(currentDateTime; Rec.Now) { Editable = false; }
            }
        }
    }

    trigger OnOpenPage()
    begin
        Rec.Init();
        Rec."Minimum Active" := Database.MinimumActiveRowVersion();
        Rec."Last Used" := Database.LastUsedRowVersion();
        Rec.Now := CurrentDateTime();
        Rec.Insert();
    end;
}
