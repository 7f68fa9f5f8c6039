page 50100 "koppel deletedRecords"
{
    PageType = API;
    APIPublisher = 'contoso';
    APIGroup = 'sync';
    APIVersion = 'v1.0';
    EntityName = 'deletedRecord';
    EntitySetName = 'deletedRecords';
    ODataKeyFields = SystemId;
    Extensible = false;
    SourceTable = "koppel Deleted Record";
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
                field(entryNo; Rec."Entry No.") { Editable = false; }
                field(tableNo; Rec."Table No.") { Editable = false; }
                field(recordId; Rec."Record Id") { Editable = false; }
                field(number; Rec."No.") { Editable = false; }
                field(deletedAt; Rec."Deleted At") { Editable = false; }
                field(deletedBy; Rec."Deleted By") { Editable = false; }
                field(lastModifiedDateTime; Rec.SystemModifiedAt) { Editable = false; }
                field(systemCreatedAt; Rec.SystemCreatedAt) { Editable = false; }
                field(systemModifiedAt; Rec.SystemModifiedAt) { Editable = false; }
                field(systemModifiedBy; Rec.SystemModifiedBy) { Editable = false; }
                field(systemRowVersion; Rec.SystemRowVersion) { Editable = false; }
            }
        }
    }
}
