"""`koppel sandbox`: servers to rehearse against, until they are told to stop."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, validators

from koppel.cli.options import EVERYWHERE, Common
from koppel.cli.screen import emit, out, tell

if TYPE_CHECKING:
    from koppel.app import Rehearsal


def _begins(name: str, what: str) -> Parameter:
    """An option that says with how many records it begins."""
    number = validators.Number(gte=0, lte=200_000)
    return Parameter(name=name, help=f"{what} to begin with.", validator=number)


def sandbox(
    *,
    accounts: Annotated[int, _begins("--accounts", "Accounts of Dataverse")] = 200,
    contacts: Annotated[int, _begins("--contacts", "Contacts of Dataverse")] = 280,
    businesses: Annotated[int, _begins("--businesses", "Customers and vendors of Business Central")] = 200,
    people: Annotated[int, _begins("--people", "Contact persons of Business Central")] = 280,
    port: Annotated[
        int,
        Parameter(
            name="--port",
            help="The first of four ports in a row; else any that are free.",
            validator=validators.Number(gte=0, lte=65_532),
        ),
    ] = 0,
    common: Common = EVERYWHERE,
) -> int:
    """Start servers that behave like Business Central, Dataverse and Entra ID here, to rehearse without a tenant."""
    from koppel.app import Amounts, rehearsal

    amounts = Amounts(accounts, contacts, businesses, people)
    with _told_to_stop() as wait, rehearsal(amounts, port) as running:
        _show(running, common)
        sys.stdout.flush()  # whoever reads a pipe waits for the addresses, not for the end
        wait()
    tell("Stopped. The records are gone with it.", common.quiet)
    return 0


def _show(running: Rehearsal, common: Common) -> None:
    from koppel.app import SECRET_VARIABLE

    if common.json:
        emit(
            {
                "dataverse": running.dataverse,
                "business_central": running.business_central,
                "tenant": running.tenant,
                "environment": running.environment,
                "company": running.company,
                "authority": running.authority,
                "admin": running.admin,
                "ca_file": str(running.ca_file),
                "client_id": running.client_id,
                "client_secret": running.client_secret,
                "toml": running.toml,
            }
        )
        return
    api = f"{running.business_central}/v2.0/{running.tenant}/{running.environment}/api/v2.0/"
    out(f"Business Central  {api}")
    out(f"Dataverse         {running.dataverse}/api/data/v9.2/")
    out(f"Entra ID          {running.authority}/{running.tenant}")
    out(f"Hooks             {running.admin}")
    out(f"CA file           {running.ca_file}")
    out(f"\nFor koppel.toml:\n\n{running.toml}")
    out(f"The secret of both, for the shell koppel runs in:\n\nexport {SECRET_VARIABLE}={running.client_secret}\n")
    tell("Ctrl-C stops it.", common.quiet)


@contextmanager
def _told_to_stop() -> Iterator[Callable[[], object]]:
    """A function that returns once SIGTERM or SIGINT has come."""
    ear, bell = socket.socketpair()
    before = {number: signal.signal(number, lambda *_: bell.send(b"!")) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: ear.recv(1)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        ear.close()
        bell.close()
