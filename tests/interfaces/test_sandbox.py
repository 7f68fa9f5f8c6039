"""`koppel sandbox`, the real command in a process of its own."""

import json
import signal
import ssl
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from koppel import config
from tests.sandbox.web import over_https

PRESET = Path(config.__file__).parent / "presets" / "business-central-dataverse.toml"
PROGRAM = [sys.executable, "-c", "from koppel.cli import main; main()", "sandbox"]


@contextmanager
def started(*words: str) -> Iterator[subprocess.Popen[str]]:
    """The command at work; killed if a test leaves it running."""
    command = [*PROGRAM, "--accounts", "3", "--contacts", "2", "--businesses", "5", "--people", "2", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def until(process: subprocess.Popen[str], end: str) -> str:
    """What it has printed up to a line that begins so."""
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if line.startswith(end):
            break
    return "".join(lines)


def read(said: dict[str, str], resource: str, path: str) -> list[dict[str, object]]:
    """Rows of a service, with a token of its own."""
    context = ssl.create_default_context(cafile=said["ca_file"])
    form = {"grant_type": "client_credentials", "scope": f"{said[resource]}/.default"}
    form |= {name: said[name] for name in ("client_id", "client_secret")}
    url = f"{said['authority']}/{said['tenant']}/oauth2/v2.0/token"
    token = over_https(context, "POST", url, urlencode(form).encode()).json["access_token"]
    return over_https(context, "GET", f"{said[resource]}{path}", Authorization=f"Bearer {token}").rows


def test_what_it_prints_is_enough_to_read_a_row_and_a_signal_ends_it() -> None:
    with started("--json") as process:
        said = json.loads(until(process, "}"))
        assert len(read(said, "dataverse", "/api/data/v9.2/accounts?$select=name")) == 3
        api = f"/v2.0/{said['tenant']}/{said['environment']}/api/v2.0"
        companies = {row["name"]: row["id"] for row in read(said, "business_central", f"{api}/companies")}
        assert len(read(said, "business_central", f"{api}/companies({companies[said['company']]})/customers")) == 4
        assert said["client_secret"] not in said["toml"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert not Path(said["ca_file"]).exists()


def test_it_tells_a_person_what_to_write_into_the_configuration() -> None:
    with started() as process:
        text = until(process, "export KOPPEL_SANDBOX_SECRET=")
        fragment = tomllib.loads(text.partition("For koppel.toml:")[2].partition("The secret")[0])
        preset = tomllib.loads(PRESET.read_text("utf-8"))
        assert fragment["systems"].keys() == preset["systems"].keys(), "they take the place of the preset's"
        assert '\nsecret = "env:KOPPEL_SANDBOX_SECRET"' in text and "CA file" in text
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr is not None and "Stopped" in process.stderr.read()


def test_a_taken_port_is_a_mistake_with_a_remedy() -> None:
    with started("--json") as first:
        port = json.loads(until(first, "}"))["dataverse"].rpartition(":")[2]
        done = subprocess.run([*PROGRAM, "--port", port], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and "choose another port" in done.stderr
