"""What every command takes: where the configuration is, how to answer, how to print; and opening koppel with that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from koppel.cli.progress import Bars
from koppel.errors import ConfigurationError, Problem
from koppel.model.policy import FirstContact, Side

if TYPE_CHECKING:
    from koppel.app import Koppel

_EVERYWHERE = Group("With every command", sort_key=9)


def flag(name: str, text: str) -> Parameter:
    """An option that is said or not said."""
    return Parameter(name=name, negative="", show_default=False, help=text)


@Parameter(name="*", group=_EVERYWHERE)
@dataclass(frozen=True)
class Common:
    """The options of every command. `yes`: confirmations count as given, and every other question stays open."""

    config: Annotated[
        Path,
        Parameter(
            name="--config", env_var="KOPPEL_CONFIG", help="The configuration; without it koppel.toml of this folder."
        ),
    ] = Path("koppel.toml")
    stage: Annotated[
        str | None,
        Parameter(name="--stage", help="Take the systems of koppel.STAGE.toml, which stands beside the configuration."),
    ] = None
    json: Annotated[bool, flag("--json", "Print one JSON document on stdout, all else on stderr.")] = False
    yes: Annotated[
        bool, Parameter(name=["--yes", "-y"], negative="", show_default=False, help="Confirm beforehand; ask nothing.")
    ] = False
    quiet: Annotated[bool, flag("--quiet", "No progress and no hints.")] = False


EVERYWHERE = Common()


@dataclass(frozen=True)
class Session:
    """One command at work: the facade, how the user wants things, and the progress bars its runs are shown with."""

    koppel: Koppel
    common: Common
    bars: Bars

    def names(self, mapping: str) -> tuple[str, str]:
        """What the two sides of a mapping are called: the systems' names, or the tables of one system."""
        from koppel.cli.tables import side_names

        return side_names(self.koppel.mappings, mapping)

    def word(self, mapping: str, answer: str) -> str:
        """What the facade calls the side that a person names; other words stay as they are."""
        names = self.names(mapping)
        return ("left", "right")[names.index(answer)] if answer in names else answer


@contextmanager
def opened(common: Common) -> Iterator[Session]:
    """Open koppel for one command. Raises `ConfigurationError` (all mistakes at once) or `StoreFailure`."""
    from koppel.app import Koppel

    bars = Bars(quiet=common.quiet)
    with Koppel.open(common.config, common.stage, progress=bars.of) as koppel:
        yield Session(koppel, common, bars)


def usage(what: str, remedy: str = "") -> ConfigurationError:
    """The mistake of a command line that cannot be meant."""
    return ConfigurationError([Problem("", what, remedy)])


def winner_of(session: Session, mapping: str, word: str) -> FirstContact:
    """The first-contact winner that `newest`, `ask`, a system's name or a side's word means in a mapping."""
    plain = {"newest": FirstContact.NEWEST, "ask": FirstContact.ASK}
    if word in plain:
        return plain[word]
    side = session.koppel.side(mapping, session.word(mapping, word))
    return FirstContact.LEFT if side is Side.LEFT else FirstContact.RIGHT


def first_contacts(session: Session, answers: Sequence[str], chosen: Sequence[str]) -> Mapping[str, FirstContact]:
    """`[MAPPING=]SIDE` answers as one winner per mapping; one with a mapping's name goes before one for all."""
    named = [answer.rpartition("=") for answer in answers]
    session.koppel.select([mapping for mapping, _, _ in named if mapping])
    general = {name: winner_of(session, name, word) for mapping, _, word in named if not mapping for name in chosen}
    return general | {mapping: winner_of(session, mapping, word) for mapping, _, word in named if mapping}
