"""P12: customers and contacts between Business Central and Dataverse over HTTP: 50 ms on the way, all limits on."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.folder import fresh
from benchmarks.meter import Figures, Meter
from benchmarks.services import Services, Tape, configure, replayed, running
from koppel.app import SECRET_VARIABLE, Koppel, connections
from koppel.store import open_store

WARM_UP = 20
"""Calls after which koppel knows what a service bears."""


def koppel(rows: int) -> Figures:
    """First load, 1 % changed on each side, nothing changed; then the calls of the first load alone, as the limit."""
    folder = fresh("services")
    with running(rows) as services:
        first, figures = _measured(configure(folder, services), services)
        changed, seconds = _changed(folder, services, rows)
        idle, rest = _timed(folder, services)
        _verify(folder, rows)
    with running(rows) as again:
        limit = replayed(first.calls, services, again)
    more = {
        "share": 100 * limit / figures.seconds,
        "limit_seconds": limit,
        "calls": len(first.calls),
        "changed_seconds": seconds,
        "changed_calls": len(changed.calls),
        "idle_seconds": rest,
        "idle_calls": len(idle.calls),
        "rejected": sum(tape.rejected(WARM_UP) for tape in (first, changed, idle)),
    }
    return replace(figures, more=more)


@contextmanager
def _taped() -> Iterator[Tape]:
    """koppel's connections as they are, listened to."""
    tape, opened = Tape(), connections.open_system
    connections.open_system = partial(opened, recorder=tape)  # type: ignore[assignment, arg-type]
    try:
        yield tape
    finally:
        connections.open_system = opened


def _measured(configuration: Path, services: Services) -> tuple[Tape, Figures]:
    """The first load."""
    with _taped() as tape, Meter(services.process) as meter:
        _sync(configuration, services)
    return tape, meter.figures


def _timed(folder: Path, services: Services) -> tuple[Tape, float]:
    """A run an hour later: what is new to the stamps of a service is read again for minutes."""
    services.hook("/clock", {"advance": 3600})
    with _taped() as tape:
        started = time.perf_counter()
        _sync(folder / "koppel.toml", services)
        return tape, time.perf_counter() - started


def _sync(configuration: Path, services: Services) -> None:
    os.environ[SECRET_VARIABLE] = services.said["client_secret"]
    with Koppel.open(configuration) as opened:
        report = opened.sync()
    assert report.exit_code == 0, report


def _changed(folder: Path, services: Services, rows: int) -> tuple[Tape, float]:
    """1 % of the customers is edited in Business Central, 1 % of the contacts in Dataverse."""
    customers, contacts = (_ids(folder, name) for name in ("CUSTOMER", "CONTACT"))
    for number, (left, _) in enumerate(customers[: rows // 100]):
        values = {"phoneNumber": f"+31 20 {number:07}"}
        services.hook("/business-central/rows/edit", {"set": "customers", "id": left, "values": values})
    for number, (_, right) in enumerate(contacts[: rows * 14 // 1000]):
        values = {"jobtitle": f"Head of {number}"}
        services.hook("/rows/edit", {"table": "contact", "id": right, "values": values})
    return _timed(folder, services)


def _ids(folder: Path, mapping: str) -> list[tuple[str, str]]:
    """The coupled records of a mapping."""
    asked = (
        "SELECT left_id, right_id FROM coupling JOIN mapping ON mapping.id = coupling.mapping WHERE mapping.name = ?"
    )
    with closing(sqlite3.connect(folder / "koppel.db")) as store:
        return store.execute(asked, (mapping,)).fetchall()


def _verify(folder: Path, rows: int) -> None:
    """Everybody is coupled, and the last run had nothing to do."""
    assert len(_ids(folder, "CUSTOMER")) == rows
    assert len(_ids(folder, "CONTACT")) == rows * 7 // 5
    with closing(open_store(f"sqlite:///{folder / 'koppel.db'}")) as store:
        counts = [job.tally.total.as_dict() for job in store.jobs(limit=2)]
        assert not any(value for count in counts for name, value in count.items() if name != "unchanged")
