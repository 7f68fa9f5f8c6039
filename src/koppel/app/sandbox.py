"""The sandbox for whoever shows it: local servers that behave like the real services (extra `sandbox`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from koppel.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from koppel.sandbox.server import Sandbox

SECRET_VARIABLE = "KOPPEL_SANDBOX_SECRET"
"""Where the configuration looks for the secret of the application."""


@dataclass(frozen=True)
class Rehearsal:
    """A running sandbox. `authority`: Entra, which has one `tenant`. `admin`: the hooks. `ca_file`: what clients must
    trust. `environment`, `company`: names, of Business Central.
    """

    dataverse: str
    business_central: str
    tenant: str
    environment: str
    company: str
    authority: str
    admin: str
    ca_file: Path
    client_id: str
    client_secret: str = field(repr=False)

    @property
    def toml(self) -> str:
        """The systems as they stand in koppel.toml, under the names of the preset; the secret is a reference."""
        return f"{self.business_central_toml}\n{self.dataverse_toml}"

    @property
    def business_central_toml(self) -> str:
        """The system `bc`."""
        return (
            "[systems.bc]\n"
            'connector = "business-central"\n'
            f'url = "{self.business_central}"\n'
            f'environment = "{self.environment}"\n'
            f'company = "{self.company}"\n'
            f"{self._access('bc')}"
        )

    @property
    def dataverse_toml(self) -> str:
        """The system `dataverse`."""
        return f'[systems.dataverse]\nconnector = "dataverse"\nurl = "{self.dataverse}"\n{self._access("dataverse")}'

    def _access(self, system: str) -> str:
        """How a system is signed in to, and why it is trusted."""
        return (
            f'ca_file = "{self.ca_file.as_posix()}"\n'
            f"[systems.{system}.auth]\n"
            f'authority = "{self.authority}"\n'
            f'tenant = "{self.tenant}"\n'
            f'client = "{self.client_id}"\n'
            f'secret = "env:{SECRET_VARIABLE}"\n'
        )


@dataclass(frozen=True)
class Amounts:
    """How many records a sandbox begins with: of Dataverse, then of Business Central."""

    accounts: int
    contacts: int
    businesses: int
    people: int


@contextmanager
def rehearsal(amounts: Amounts, port: int) -> Iterator[Rehearsal]:
    """Start the sandbox on four ports from `port` on, 0 for any. Raises `ConfigurationError`."""
    with started(amounts, port) as sandbox:
        yield described(sandbox)


@contextmanager
def started(amounts: Amounts, port: int) -> Iterator["Sandbox"]:
    """The same, with the objects behind it."""
    try:
        from koppel.sandbox.server import Settings, running
    except ModuleNotFoundError as error:
        remedy = "pip install 'koppel[sandbox]'"
        raise ConfigurationError([Problem("sandbox", f"the package {error.name} is missing", remedy)]) from None
    ports = (port, port + 1, port + 2, port + 3) if port else (0, 0, 0, 0)
    try:
        with running(Settings(**asdict(amounts), ports=ports)) as sandbox:
            yield sandbox
    except OSError as error:
        what = f"cannot listen on the ports {', '.join(map(str, ports))}: {error.strerror}"
        raise ConfigurationError([Problem("--port", what, "choose another port, or leave it out")]) from None


def described(sandbox: "Sandbox") -> Rehearsal:
    """What a client needs to know of a running sandbox."""
    environment = sandbox.business_central.environment
    return Rehearsal(
        sandbox.dataverse.url,
        sandbox.business_central.url,
        environment.tenant,
        environment.name,
        next(iter(environment.companies.values())).name,
        sandbox.entra.url,
        sandbox.admin_url,
        sandbox.authority.ca_file,
        sandbox.registration.client_id,
        sandbox.registration.secret,
    )
