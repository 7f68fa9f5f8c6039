codeunit 50100 "koppel Deletion Log"
{
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

    [EventSubscriber(ObjectType::Table, Database::"Contact Business Relation", 'OnAfterDeleteEvent', '', false, false)]
    local procedure OnAfterDeleteContactBusinessRelation(var Rec: Record "Contact Business Relation"; RunTrigger: Boolean)
    begin
        if not Rec.IsTemporary() then
            Log(Database::"Contact Business Relation", Rec.SystemId, Rec."No.");
    end;

    [EventSubscriber(ObjectType::Table, Database::Contact, 'OnAfterDeleteEvent', '', false, false)]
    local procedure OnAfterDeleteContact(var Rec: Record Contact; RunTrigger: Boolean)
    begin
        if not Rec.IsTemporary() then
            Log(Database::Contact, Rec.SystemId, Rec."No.");
    end;

    [EventSubscriber(ObjectType::Table, Database::Customer, 'OnAfterDeleteEvent', '', false, false)]
    local procedure OnAfterDeleteCustomer(var Rec: Record Customer; RunTrigger: Boolean)
    begin
        if not Rec.IsTemporary() then
            Log(Database::Customer, Rec.SystemId, Rec."No.");
    end;
}
