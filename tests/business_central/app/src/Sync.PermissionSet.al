permissionset 50100 "koppel sync"
{
    Assignable = true;
    Caption = 'koppel synchronisation';
    Permissions =
        tabledata "Contact Business Relation" = R,
        tabledata Contact = RIMD,
        tabledata Customer = RIMD,
        tabledata "koppel Deleted Record" = RI,
        tabledata "koppel Watermark" = RIMD,
        tabledata "No. Series" = R,
        tabledata "Sales & Receivables Setup" = R,
        tabledata "Purchases & Payables Setup" = R,
        tabledata "Marketing Setup" = R,
        tabledata "Inventory Setup" = R,
        table "koppel Deleted Record" = X,
        table "koppel Watermark" = X,
        codeunit "koppel Deletion Log" = X,
        page "koppel contactBusinessRelation" = X,
        page "koppel contacts" = X,
        page "koppel customers" = X,
        page "koppel deletedRecords" = X,
        page "koppel watermarks" = X,
        page "koppel numberSeries" = X;
}
