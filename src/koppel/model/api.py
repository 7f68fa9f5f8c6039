"""The APIs of Business Central, as a configuration names them."""

STANDARD_API = "v2.0"
"""The API of Microsoft's own pages. Any other is publisher/group/version of an app's pages."""
