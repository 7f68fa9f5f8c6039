page 50110 "koppel contactBusinessRelation"
{
    PageType = API;
    APIPublisher = 'contoso';
    APIGroup = 'sync';
    APIVersion = 'v1.0';
    EntityName = 'contactBusinessRelation';
    EntitySetName = 'contactBusinessRelations';
    ODataKeyFields = SystemId;
    Extensible = false;
    SourceTable = "Contact Business Relation";
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
                field(contactNo; Rec."Contact No.") { Editable = false; }
                field(linkToTable; Rec."Link to Table") { Editable = false; }
                field(no; Rec."No.") { Editable = false; }
                field(lastModifiedDateTime; Rec.SystemModifiedAt) { Editable = false; }
                field(systemCreatedAt; Rec.SystemCreatedAt) { Editable = false; }
                field(systemModifiedAt; Rec.SystemModifiedAt) { Editable = false; }
                field(systemModifiedBy; Rec.SystemModifiedBy) { Editable = false; }
                field(systemRowVersion; Rec.SystemRowVersion) { Editable = false; }
            }
        }
    }
}
