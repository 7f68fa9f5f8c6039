"""The demo for whoever shows it: two systems that nobody has kept in step, a configuration, and a day of edits.

The systems are the services of a sandbox, reached over HTTPS as the real ones are, or two SQLite databases.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import tomlkit

from koppel.app.sandbox import Amounts, described, started
from koppel.config import preset
from koppel.demo import databases, edits
from koppel.demo.edits import Edit
from koppel.demo.world import content

APP = "koppel/sync/v1.0"
"""The API of the sandbox that shows all fields the preset maps."""

SIZES = {"customers": 600, "vendors": 60, "contacts": 800, "salespeople": 12, "overlap": 180}
"""How big the world is that is carried over HTTPS: the whole story takes well under a minute on two cores."""


@dataclass(frozen=True)
class Demo:
    """A demo in a folder. `config`: its koppel.toml. `edit`: what people do in both systems before the next run."""

    config: Path
    edit: Callable[[], list[Edit]]


def services_are_installed() -> bool:
    """Whether the packages of the extra `sandbox` are there."""
    try:
        import koppel.sandbox.server  # noqa: F401
    except ModuleNotFoundError:
        return False
    return True


@contextmanager
def demo_over_http(folder: Path) -> Iterator[Demo]:
    """A demo on services, which end with it. Raises `ConfigurationError` where the sandbox is not installed."""
    with started(Amounts(0, 0, 0, 0), 0) as sandbox:
        from koppel.app.demo_desks import furnish

        bc, crm = furnish(sandbox, content(**SIZES))
        there = described(sandbox)
        (folder / "secret").write_text(there.client_secret, encoding="utf-8")
        document = tomlkit.parse(preset("business-central-dataverse", api=APP).text)
        access = {"authority": there.authority, "tenant": there.tenant, "client": there.client_id}
        shared = {"ca_file": there.ca_file.as_posix(), "auth": {**access, "secret": "file:secret"}}
        place = {"environment": there.environment, "company": there.company}
        document["systems"]["bc"].update({"url": there.business_central, **place, **shared})
        document["systems"]["dataverse"].update({"url": there.dataverse, **shared})
        config = folder / "koppel.toml"
        config.write_text(tomlkit.dumps(document), encoding="utf-8")
        yield Demo(config, lambda: edits.edit(bc, crm))


@contextmanager
def demo_on_databases(folder: Path) -> Iterator[Demo]:
    """A demo on two databases in the folder. Raises `FileExistsError` rather than overwrite."""
    world = databases.build(folder)
    config = folder / "koppel.toml"
    config.write_text(preset("demo-sql").text, encoding="utf-8")
    yield Demo(config, lambda: databases.edit(world))
