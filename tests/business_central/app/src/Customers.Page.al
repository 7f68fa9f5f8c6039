page 50112 "koppel customers"
{
    PageType = API;
    APIPublisher = 'contoso';
    APIGroup = 'sync';
    APIVersion = 'v1.0';
    EntityName = 'customer';
    EntitySetName = 'customers';
    ODataKeyFields = SystemId;
    Extensible = false;
    SourceTable = Customer;
    DelayedInsert = true;

    layout
    {
        area(Content)
        {
            repeater(Records)
            {
                field(id; Rec.SystemId) { }
                field(number; Rec."No.") { }
                field(displayName; Rec.Name) { }
                field(city; Rec.City) { }
                field(faxNo; Rec."Fax No.") { }
                field(email; Rec."E-Mail") { }
                field(blocked; Rec.Blocked) { }
                field(creditLimit; Rec."Credit Limit (LCY)") { }
                field(lastModifiedDateTime; Rec.SystemModifiedAt) { Editable = false; }
                field(systemCreatedAt; Rec.SystemCreatedAt) { Editable = false; }
                field(systemModifiedAt; Rec.SystemModifiedAt) { Editable = false; }
                field(systemModifiedBy; Rec.SystemModifiedBy) { Editable = false; }
                field(systemRowVersion; Rec.SystemRowVersion) { Editable = false; }
            }
        }
    }
}
