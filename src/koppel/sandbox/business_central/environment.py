"""One environment: its companies, its users, and what is installed in it (wire 2.1)."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from koppel.sandbox.business_central.company import Company, Setting
from koppel.sandbox.business_central.pages import CUSTOM, STANDARD
from koppel.sandbox.business_central.shape import Page
from koppel.sandbox.business_central.switches import Switches
from koppel.sandbox.business_central.webhooks import Webhooks

STANDARD_ROUTE = "v2.0"
RUNTIME_ROUTE = "microsoft/runtime/beta"
"""What the platform tells of itself, which has no pages."""
CUSTOM_ROUTE = "koppel/sync/v1.0"
"""Publisher, group and version of the app with the custom pages."""


@dataclass
class Environment:
    """Everything behind the API of one environment.

    `users`: registered applications, client id to the security id of their user. `companies`: by id. `custom_route`:
    where the app's pages are, empty when it is not installed. `absent`: standard sets an older version does not have
    (wire 2.2).
    """

    tenant: str
    name: str
    setting: Setting
    users: dict[str, str] = field(default_factory=dict)
    companies: dict[str, Company] = field(default_factory=dict)
    custom_route: str = CUSTOM_ROUTE
    absent: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Nobody has subscribed."""
        self.webhooks = Webhooks(self.setting.clock)

    @property
    def switches(self) -> Switches:
        """The settings of the unsettled points."""
        return self.setting.switches

    @switches.setter
    def switches(self, switches: Switches) -> None:
        self.setting.switches = switches

    def supported(self) -> list[str]:
        """The standard sets with webhooks; whether those of people are among them is not settled (U9)."""
        people = {"contacts", "salespeoplePurchasers"}
        allowed = self.switches.webhooks_for_people
        return [name for name in self.pages(STANDARD_ROUTE) or () if allowed or name not in people]

    def pages(self, route: str) -> Mapping[str, Page] | None:
        """The pages of a route by the names of their sets, None for a route that is not there."""
        if route == STANDARD_ROUTE:
            return {name: page for name, page in STANDARD.items() if name not in self.absent}
        if route == RUNTIME_ROUTE:
            return {}
        return CUSTOM if self.custom_route and route == self.custom_route else None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, in all companies."""
        with ExitStack() as stack:
            for company in self.companies.values():
                stack.enter_context(company.transaction())
            yield
