page 50102 "koppel numberSeries"
{
    PageType = API;
    APIPublisher = 'contoso';
    APIGroup = 'sync';
    APIVersion = 'v1.0';
    EntityName = 'numberSerie';
    EntitySetName = 'numberSeries';
    ODataKeyFields = SystemId;
    Extensible = false;
    SourceTable = "No. Series";
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
                field(code; Rec.Code) { Editable = false; }
                field(displayName; Rec.Description) { Editable = false; }
                field(defaultNos; Rec."Default Nos.") { Editable = false; }
                field(manualNos; Rec."Manual Nos.") { Editable = false; }
                field(usedBy; UsedBy) { Editable = false; }
            }
        }
    }

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
}
