"""What koppel.toml says, as values: the systems, the store and the mappings in the order of the file."""

from collections.abc import Iterator
from collections.abc import Mapping as Table
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from koppel.config.document import Mistake
from koppel.config.secret import check_reference, resolve_secret
from koppel.config.settings import Connector, Environment
from koppel.config.sign_in import BESIDE_A_CREDENTIAL, SECRETS
from koppel.errors import ConfigurationError, Problem
from koppel.model.mapping import Mapping


@dataclass(frozen=True)
class SystemConfig:
    """How to reach a system. `url` is a URL without password, or a reference; see `resolve_secret`."""

    name: str
    connector: Connector
    url: str
    timezone: str = "UTC"
    options: Table[str, Any] = field(default_factory=dict)
    """What only its connector understands; of `sql`: `fields`, table -> column -> kind; of services: `auth`, the parts
    of a way to sign in, secrets as references, `ca_file`, a path, and the settings of their own.
    """


@dataclass(frozen=True)
class Configuration:
    """A whole koppel.toml. `store` and the systems' URLs hold absolute paths, or references; never a secret value."""

    path: Path
    store: str
    environment: Environment
    systems: dict[str, SystemConfig]
    mappings: dict[str, Mapping]
    places: Table[str, str] = field(default_factory=dict, compare=False, repr=False)
    """`koppel.toml:17` by the path of everything in the file (`systems.erp.url`, `mappings.CUSTOMER.fields[3]`)."""

    def placed(self, problem: Problem) -> Problem:
        """The same problem, with file and line where it is about something in the file: a path, or a system (`erp`,
        `erp.url`) as its connector names it. One that was told with its place already is left as it is.
        """
        path = problem.where
        if path.startswith(tuple(f"{place} " for place in self.places.values())):
            return problem
        if path.partition(".")[0] in self.systems:
            path = f"systems.{path}"
            if path not in self.places:
                return problem
        around = path
        while around and around not in self.places:
            around = around[: max(around.rfind("."), around.rfind("["), 0)]
        return Problem(f"{self.places[around]} {path}", problem.what, problem.remedy) if around else problem

    @contextmanager
    def placing(self) -> Iterator[None]:
        """Tell mistakes with their places."""
        try:
            yield
        except ConfigurationError as error:
            raise ConfigurationError([self.placed(problem) for problem in error.problems]) from None

    @property
    def folder(self) -> Path:
        """The folder of koppel.toml, where relative paths begin."""
        return self.path.absolute().parent

    def store_url(self) -> str:
        """The URL of the store with its reference resolved. Raises ConfigurationError."""
        return self._resolve(self.store, "koppel.store")

    def url_of_store(self, said: str) -> str:
        """The URL of another store, said as `store` is: a URL without password or a reference. Raises
        ConfigurationError.
        """
        where = "the new store"
        try:
            check_reference(said, "store")
        except Mistake as mistake:
            raise ConfigurationError([Problem(where, mistake.what, mistake.remedy)]) from None
        return self._resolve(said, where)

    def system_url(self, name: str) -> str:
        """The URL of a system with its reference resolved. Raises ConfigurationError."""
        return self._resolve(self.systems[name].url, f"systems.{name}.url")

    def system_auth(self, name: str, *, handed_over: bool = False) -> dict[str, str]:
        """How to sign in to a system, with its references resolved. `handed_over`: a credential was, and takes the
        place of all but tenant and scope. Raises ConfigurationError.
        """
        auth: dict[str, str] = self.systems[name].options.get("auth", {})
        if handed_over:
            return {part: said for part, said in auth.items() if part in BESIDE_A_CREDENTIAL}
        if "credential" in auth:
            what = "the program that opens koppel hands over the credential, and none was"
            remedy = f'for a command write how to sign in; a program calls Koppel.open(…, credentials={{"{name}": …}})'
            raise ConfigurationError([self.placed(Problem(f"systems.{name}.auth", what, remedy))])
        return {
            part: self._resolve(said, f"systems.{name}.auth.{part}") if part in SECRETS else said
            for part, said in auth.items()
        }

    def system_ca_file(self, name: str) -> Path | None:
        """The file of the certificate authorities that a system is proven by, where they are not the usual ones."""
        said: str | None = self.systems[name].options.get("ca_file")
        return None if said is None else self.folder / Path(said).expanduser()

    def _resolve(self, reference: str, where: str) -> str:
        try:
            return resolve_secret(reference, self.folder)
        except ConfigurationError as error:
            problems = [self.placed(Problem(where, each.what, each.remedy)) for each in error.problems]
            raise ConfigurationError(problems) from None
