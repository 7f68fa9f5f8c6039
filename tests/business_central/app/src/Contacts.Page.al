page 50111 "koppel contacts"
{
    PageType = API;
    APIPublisher = 'contoso';
    APIGroup = 'sync';
    APIVersion = 'v1.0';
    EntityName = 'contact';
    EntitySetName = 'contacts';
    ODataKeyFields = SystemId;
    Extensible = false;
    SourceTable = Contact;
    DelayedInsert = true;

    layout
    {
        area(Content)
        {
            repeater(Records)
            {
                field(id; Rec.SystemId) { }
                field(number; Rec."No.") { }
                field(surname; Rec.Surname) { }
                field(companyNumber; Rec."Company No.") { }
                field(lastModifiedDateTime; Rec.SystemModifiedAt) { Editable = false; }
                field(systemCreatedAt; Rec.SystemCreatedAt) { Editable = false; }
                field(systemModifiedAt; Rec.SystemModifiedAt) { Editable = false; }
                field(systemModifiedBy; Rec.SystemModifiedBy) { Editable = false; }
                field(systemRowVersion; Rec.SystemRowVersion) { Editable = false; }
            }
        }
    }
}
