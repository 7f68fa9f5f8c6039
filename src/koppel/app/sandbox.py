"""The sandbox for whoever shows it: local servers that behave like Entra ID and Dataverse (extra `sandbox`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from koppel.errors import ConfigurationError, Problem

SECRET_VARIABLE = "KOPPEL_SANDBOX_SECRET"
"""Where the configuration looks for the secret of the application."""


@dataclass(frozen=True)
class Rehearsal:
    """A running sandbox. `authority`: Entra, which has one `tenant`. `admin`: the hooks. `ca_file`: what clients must
    trust.
    """

    dataverse: str
    authority: str
    tenant: str
    admin: str
    ca_file: Path
    client_id: str
    client_secret: str = field(repr=False)

    @property
    def toml(self) -> str:
        """The system as it stands in koppel.toml; the secret is a reference."""
        return (
            "[systems.crm]\n"
            'connector = "dataverse"\n'
            f'url = "{self.dataverse}"\n'
            f'ca_file = "{self.ca_file.as_posix()}"\n'
            "[systems.crm.auth]\n"
            f'authority = "{self.authority}"\n'
            f'tenant = "{self.tenant}"\n'
            f'client = "{self.client_id}"\n'
            f'secret = "env:{SECRET_VARIABLE}"\n'
        )


@contextmanager
def rehearsal(accounts: int, contacts: int, port: int) -> Iterator[Rehearsal]:
    """Start the sandbox on three ports from `port` on, 0 for any. Raises `ConfigurationError`."""
    try:
        from koppel.sandbox.server import Settings, running
    except ModuleNotFoundError as error:
        remedy = "pip install 'koppel[sandbox]'"
        raise ConfigurationError([Problem("sandbox", f"the package {error.name} is missing", remedy)]) from None
    ports = (port, port + 1, port + 2) if port else (0, 0, 0)
    try:
        with running(Settings(accounts, contacts, ports=ports)) as sandbox:
            yield Rehearsal(
                sandbox.dataverse.url,
                sandbox.entra.url,
                sandbox.entra.tenant,
                sandbox.admin_url,
                sandbox.authority.ca_file,
                sandbox.registration.client_id,
                sandbox.registration.secret,
            )
    except OSError as error:
        what = f"cannot listen on the ports {', '.join(map(str, ports))}: {error.strerror}"
        raise ConfigurationError([Problem("--port", what, "choose another port, or leave it out")]) from None
