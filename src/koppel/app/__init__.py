"""The facade: everything koppel does, as methods of one object. Every interface talks to this and only to this."""

from koppel.app.certify import Certificate
from koppel.app.demo import Demo, demo_on_databases, demo_over_http, services_are_installed
from koppel.app.facade import Koppel
from koppel.app.full import FullOptions
from koppel.app.presets import starter
from koppel.app.report import ApplyLine, CheckLine, FirstContactQuestion, MatchReport, PlanReport, RunReport, as_json
from koppel.app.sandbox import SECRET_VARIABLE, Amounts, Rehearsal, rehearsal
from koppel.app.storekeeping import check_store_of, move_store_of, upgrade_store_of
from koppel.app.worker import WorkLine
from koppel.config import DroppedField

__all__ = [
    "SECRET_VARIABLE",
    "Amounts",
    "ApplyLine",
    "Certificate",
    "CheckLine",
    "Demo",
    "DroppedField",
    "FirstContactQuestion",
    "FullOptions",
    "Koppel",
    "MatchReport",
    "PlanReport",
    "Rehearsal",
    "RunReport",
    "WorkLine",
    "as_json",
    "check_store_of",
    "demo_on_databases",
    "demo_over_http",
    "move_store_of",
    "rehearsal",
    "services_are_installed",
    "starter",
    "upgrade_store_of",
]
