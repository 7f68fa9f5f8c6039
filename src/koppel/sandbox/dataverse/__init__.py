"""The Dataverse Web API, as far as records are read, tracked and written through it (wire 1)."""
