"""API v2.0 of Business Central: standard pages, and the custom pages of an app (wire 2, 5.3)."""
