"""Business Central: pages of a company over its API v2.0 or that of an app, on top of the OData session.

facts, page                 what the metadata does not tell of pages; what they are to koppel
blanks, source              blanks and choices as the service spells them; records of one page
tracking                    what changed by row version, with deletions, where an app tells it
refusals, fitting, writing  what the service refuses and why; what would not fit; fields in the order of the page
numbers                     numbers that koppel reserves from a range of its own
opening, system, table      a company and its pages behind `koppel.ports`
"""

from koppel.connectors.business_central.opening import open_system
from koppel.connectors.business_central.system import Place

__all__ = ["Place", "open_system"]
