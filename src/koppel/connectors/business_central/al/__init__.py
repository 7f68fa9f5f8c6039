"""The app for Business Central that shows what standard pages do not: written from the mappings, not compiled here.

catalog    what fields of pages are in AL
needs      which pages and fields the mappings name
texts      the AL objects; app: all files
"""

from koppel.connectors.business_central.al.app import app
from koppel.connectors.business_central.al.needs import needs

__all__ = ["app", "needs"]
