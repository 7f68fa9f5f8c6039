"""The app for Business Central that mappings need, as files: pages with the mapped fields, a log of deletions, how far
row versions may be read, and a permission set.

No AL compiler can be had here, so the files are compared with files that were looked at, not compiled: their README
says so (wire 2.2).
"""

import json
from collections.abc import Mapping
from uuid import UUID, uuid5

from koppel.connectors.business_central.al import texts
from koppel.connectors.business_central.al.catalog import SOURCES
from koppel.connectors.business_central.al.needs import Needs

FIRST_ID, LAST_ID = 50100, 50149
"""Object ids that every tenant may use for apps of its own."""

_NAMES = UUID("6b6f7070-656c-4000-8000-000000000000")


def app(api: str, needs: Needs) -> Mapping[str, str]:
    """The files of the app by path. `api`: publisher/group/version."""
    publisher, group, version = api.split("/")
    route = texts.Route(publisher, group, version)
    pages = {page: number for number, page in enumerate(needs, FIRST_ID + 10)}
    files = {
        "app.json": _manifest(publisher, group),
        "README.md": texts.readme(api, tuple(needs), FIRST_ID, LAST_ID),
        "src/DeletedRecord.Table.al": texts.deletion_table(FIRST_ID),
        "src/DeletedRecords.Page.al": texts.deletion_page(FIRST_ID, route),
        "src/DeletionLog.Codeunit.al": texts.deletion_log(FIRST_ID, [SOURCES[page] for page in needs]),
        "src/Watermark.Table.al": texts.watermark_table(FIRST_ID + 1),
        "src/Watermarks.Page.al": texts.watermark_page(FIRST_ID + 1, route),
        "src/NumberSeries.Page.al": texts.series_page(FIRST_ID + 2, route),
        "src/Sync.PermissionSet.al": texts.permission_set(FIRST_ID, [SOURCES[page] for page in needs], tuple(needs)),
    }
    for page, number in pages.items():
        files[f"src/{page[0].upper()}{page[1:]}.Page.al"] = texts.page(number, page, needs[page], route)
    return files


def _manifest(publisher: str, group: str) -> str:
    """The same id every time, so that a later one is an update of the app."""
    manifest = {
        "id": str(uuid5(_NAMES, f"{publisher}/{group}")),
        "name": f"koppel {group}",
        "publisher": publisher,
        "version": "1.0.0.0",
        "brief": "Pages that koppel synchronises through",
        "description": "API pages with the mapped fields, a log of deletions, row versions",
        "platform": "24.0.0.0",
        "application": "24.0.0.0",
        "runtime": "13.0",
        "idRanges": [{"from": FIRST_ID, "to": LAST_ID}],
        "features": ["NoImplicitWith"],
        "dependencies": [],
    }
    return json.dumps(manifest, indent=2) + "\n"
