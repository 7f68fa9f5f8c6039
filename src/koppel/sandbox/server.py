"""The sandbox as a whole: Entra ID, Dataverse, Business Central and the hooks, each at an address of its own."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe
from tempfile import TemporaryDirectory
from uuid import uuid4

from koppel.sandbox.admin import Admin
from koppel.sandbox.business_central.hooks import Hooks
from koppel.sandbox.business_central.sample import Companies
from koppel.sandbox.business_central.service import BusinessCentral
from koppel.sandbox.dataverse.environment import Environment
from koppel.sandbox.dataverse.hooks import hooks
from koppel.sandbox.dataverse.others import Others
from koppel.sandbox.dataverse.sample import Sample
from koppel.sandbox.dataverse.service import Dataverse
from koppel.sandbox.entra import Entra, Registration
from koppel.sandbox.gate import Controls, Gate
from koppel.sandbox.mail import Postman, posting
from koppel.sandbox.serving import Authority, Served, listening, url_of
from koppel.sandbox.tokens import Tokens


@dataclass(frozen=True)
class Settings:
    """How big a sandbox is and where it listens.

    `accounts`, `contacts`: of Dataverse. `businesses`: customers and vendors of Business Central; `people`: its
    contacts beside those of the businesses. `ports`: of Dataverse, Entra, the hooks and Business Central, 0 for any.
    `certificates`: PEM texts the application may sign its assertions with.
    """

    accounts: int = 200
    contacts: int = 280
    businesses: int = 200
    people: int = 280
    seed: int = 1
    ports: tuple[int, int, int, int] = (0, 0, 0, 0)
    certificates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox: what a client needs to know, and the objects behind it.

    Whoever touches the objects while clients call holds `controls.lock`. `companies`: of Business Central, by name.
    """

    controls: Controls
    authority: Authority
    entra: Entra
    dataverse: Dataverse
    business_central: BusinessCentral
    tokens: Tokens
    registration: Registration
    admin_url: str
    others: Others
    sample: Sample
    companies: Companies


@contextmanager
def running(settings: Settings | None = None) -> Iterator[Sandbox]:
    """A sandbox for the time of a `with`. Raises `OSError` when a port is taken."""
    settings = settings or Settings()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="koppel-sandbox-")))
        ears = [stack.enter_context(listening(port)) for port in settings.ports]
        urls = [url_of(ear) for ear in ears]
        sandbox = _built(settings, Authority(folder), *urls)
        controls, crm, erp = sandbox.controls, sandbox.dataverse, sandbox.business_central
        person = Others(crm.environment, sandbox.sample.people[0])
        paths = hooks(crm, person) | Hooks(erp, sandbox.companies).by_path()
        applications = [
            Gate("dataverse", crm.answer, controls, crm.limits),
            Gate("entra", sandbox.entra.answer, controls),
            Admin(controls, sandbox.tokens, paths).application(),
            Gate("business-central", erp.answer, controls, erp.limits),
        ]
        push, webhooks = crm.environment.push, erp.environment.webhooks
        trusting = sandbox.authority.context()
        trusting.load_default_certs()  # receivers may be anywhere, and have a certificate of anybody
        push.post = webhooks.post = posting(trusting)
        rounds = (push.deliver, webhooks.deliver)
        stack.callback(Postman(lambda: [deliver(controls.lock) for deliver in rounds]).stop)
        for application, ear in zip(applications, ears, strict=True):
            stack.callback(Served(application, ear, sandbox.authority).stop)
        yield sandbox


def _built(
    settings: Settings, authority: Authority, crm_url: str, entra_url: str, admin_url: str, erp_url: str
) -> Sandbox:
    controls = Controls()
    tokens = Tokens(controls.clock)
    registration = Registration(str(uuid4()), secret=token_urlsafe(24), certificates=settings.certificates)
    tenant = str(uuid4())
    registrations = {registration.client_id: registration}
    entra = Entra(entra_url, tenant, controls.clock, tokens, registrations, {crm_url, erp_url})
    environment = Environment(controls.clock)
    sample = Sample(environment, registration.client_id, settings.seed)
    sample.fill(settings.accounts, settings.contacts, settings.businesses)
    dataverse = Dataverse(crm_url, environment, tokens, f"{entra_url}/{tenant}/oauth2/authorize")
    companies = Companies(controls.clock, tenant, registration.client_id, settings.seed)
    companies.fill(settings.businesses, settings.people)
    return Sandbox(
        controls,
        authority,
        entra,
        dataverse,
        BusinessCentral(erp_url, companies.environment, tokens),
        tokens,
        registration,
        admin_url,
        Others(environment, sample.people[1]),
        sample,
        companies,
    )
