"""Local servers that behave like Entra ID, Dataverse and Business Central, so that mappings can be rehearsed without a
tenant.

They are stricter than any connector has to be and share no code with the engine or the connectors, or both would hold
the same mistakes. Every rule cites the section of the wire report it was built from (`wire 1.4`). `server.Sandbox`
starts them; `admin` misbehaves on demand.
"""
