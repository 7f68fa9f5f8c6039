"""dynamics-web-api, a client in JavaScript by A. Rogov (wire 3.2): the only one of them that follows changes."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from koppel.sandbox.server import Sandbox

INSTALLED = Path(__file__).parents[2] / ".venv" / "witnesses"
"""Where `make witnesses` puts it."""


def test_rows_pages_batches_and_changes(sandbox: Sandbox, token: str) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node on this machine")
    if not (INSTALLED / "node_modules" / "dynamics-web-api").is_dir():
        pytest.skip("dynamics-web-api is not installed: make witnesses")
    script = Path(__file__).with_name("dynamics_web_api.mjs")
    done = subprocess.run(
        [node, str(script), sandbox.dataverse.url, token],
        env=os.environ | {"WITNESSES": str(INSTALLED)}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["me"] == sandbox.dataverse.environment.users[sandbox.registration.client_id]
    assert found["created"]["name"] == "dwa O'Brien"
    assert found["stale"] is False, "412 of a version that is none any more"
    assert (found["read"]["name"], found["read"]["accountnumber"]) == ("dwa b+c", "DWA1")
    assert (found["pages"], found["count"]) == ([["dwa b+c"], ["dwa upsert"]], 2)
    assert found["batch"] == 3
    assert found["changed"] == ["dwa tracked", "deleted"]
