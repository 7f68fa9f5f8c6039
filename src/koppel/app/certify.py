"""`koppel certify`: a real environment, looked at with a few records that are made for it and removed again."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING

from koppel.app.connections import new_ids, open_system
from koppel.app.trial import Trial
from koppel.config import Configuration, Connector
from koppel.config.settings import Environment
from koppel.errors import ConfigurationError, Problem, SystemFailure
from koppel.model.point import Point
from koppel.ports import NumberKeeper, System, TableOptions

if TYPE_CHECKING:
    from koppel.connectors.odata.probing import Questions
    from koppel.connectors.odata.recording import Exchange
    from koppel.connectors.odata.tokens import Credential

MARK = "koppel certify"
"""What the texts of all scratch records begin with."""


@dataclass(frozen=True)
class Certificate:
    """What was found out of a system. `left`: scratch records that could not be removed, and why. `transcript`: what
    went over the wire, without anything that tells who, where or what a record holds.
    """

    system: str
    points: list[Point]
    left: list[str]
    transcript: "list[Exchange]"

    @property
    def exit_code(self) -> int:
        """1 where a ground rule does not hold, or something was left behind."""
        return 1 if self.left or any(point.well is False for point in self.points) else 0


def certify(
    configuration: Configuration,
    name: str,
    numbers: NumberKeeper,
    tell: Callable[[Point], None],
    credential: "Credential | None" = None,
) -> Certificate:
    """Look at a system; `tell` gets each point at once. Raises ConfigurationError for production, and for systems of
    which nothing is unsettled, and SystemFailure when it cannot be reached at all.
    """
    refuse(configuration, name)
    from koppel.connectors.odata.recording import Recorder

    recorder = Recorder(f"{MARK} {token_hex(4)}")
    points: list[Point] = []
    left: list[str] = []
    try:
        with closing(open_system(name, configuration, numbers, recorder, credential)) as system:
            for point in _looked(system, recorder.mark, left):
                points.append(point)
                tell(point)
    except SystemFailure as failure:
        failure.args = ("\n".join([str(failure), *(f"not removed: {what}" for what in left)]),)
        raise
    return Certificate(name, points, left, recorder.exchanges)


def refuse(configuration: Configuration, name: str) -> None:
    """Raise ConfigurationError for production, and for systems of which nothing is unsettled."""
    if name not in configuration.systems:
        raise ConfigurationError(
            [Problem("", f"there is no system {name!r}", f"there are {', '.join(configuration.systems)}")]
        )
    if configuration.environment is Environment.PRODUCTION:
        what = "certify makes records and removes them again, which is not for production"
        remedy = 'point the configuration at a test environment and write environment = "sandbox" under [koppel]'
        raise ConfigurationError([Problem("[koppel] environment", what, remedy)])
    connector = configuration.systems[name].connector
    if connector not in (Connector.DATAVERSE, Connector.BUSINESS_CENTRAL):
        what = f"nothing about {connector} is unsettled: koppel's own tests run against the real thing"
        raise ConfigurationError([Problem(name, what, "certify a Dataverse or Business Central system")])


def _looked(system: System, mark: str, left: list[str]) -> Iterator[Point]:
    """Every point; what is made is removed, whatever happens, and what cannot be is in `left` afterwards. Raises
    ConfigurationError, with nothing made, for what says itself that it is no environment for tests.
    """
    questions = _questions(system, mark)
    if (reason := questions.no_test()) is not None:
        what = f"certify makes records and removes them again, which is not for production: {reason}"
        raise ConfigurationError([Problem(system.name, what, f"point {system.name} at a test environment")])
    table = system.table(questions.table, TableOptions())
    trial = Trial(table, questions.text, questions.other, mark, lambda: new_ids(1)[0], system.now)
    try:
        yield from trial.points()
        yield from questions.unsettled()
    finally:
        if trial.id is not None:
            questions.probe.made.append(questions.address(trial.id))
        left += questions.clean()


def _questions(system: System, mark: str) -> "Questions":
    """What there is to be asked of a system."""
    from koppel.connectors.business_central.certify import BusinessCentralQuestions
    from koppel.connectors.business_central.system import BusinessCentralSystem
    from koppel.connectors.dataverse.certify import DataverseQuestions
    from koppel.connectors.dataverse.system import DataverseSystem

    if isinstance(system, BusinessCentralSystem):
        return BusinessCentralQuestions(system, mark)
    assert isinstance(system, DataverseSystem), "of other systems nothing is unsettled"
    return DataverseQuestions(system, mark)
