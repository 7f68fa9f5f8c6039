"""Worlds of which one side is a service behind a wire, and whose runs may fail while the wire does."""

from dataclasses import dataclass, field, replace

from koppel.connectors.memory import Loss
from koppel.engine.run import RunFailures
from koppel.errors import SystemFailure
from koppel.model.coupling import Waiting
from koppel.model.mapping import SideOptions
from koppel.model.policy import Side
from koppel.testing.interrupts import Moments
from koppel.testing.world import RUNS_TO_REST, World
from koppel.testing.world_systems import WorldSystem
from koppel.testing.world_tables import CONTACTS, TAG, ZONE
from koppel.transform.filter import parse
from tests.simulation.far import FarSystem
from tests.simulation.far_business_central import FarBusinessCentral
from tests.simulation.far_dataverse import FarDataverse


@dataclass
class FarWorld(World):
    """`failures`: runs that ended because the system could not be reached; `rough`: one may do so now."""

    failures: int = 0
    rough: bool = False
    far_side: Side = field(default=Side.RIGHT, init=False)

    @property
    def far(self) -> FarSystem:
        """The service."""
        system = self.systems[self.far_side]
        assert isinstance(system, FarSystem)
        return system

    def kept_out(self) -> set[str]:
        """The tags of the records that were not carried out because the service broke down over them."""
        lost = [error for error in self.store.errors(CONTACTS) if error.code == Waiting.LOST]
        return {str(self.users.table(error.side).records()[error.record][TAG]) for error in lost}

    def rest(self, runs: int = RUNS_TO_REST) -> None:
        """The record over which the service breaks down has kept nobody else out, and goes in now."""
        if self.far.poison:
            self.run()
            assert self.kept_out() <= self.far.poison, f"{self}: {self.kept_out()} are kept out"
            self.far.poison = set()
        super().rest(runs)

    def disturbed(self, moments: Moments, full: bool | None = None) -> bool:
        self.rough = True
        try:
            return super().disturbed(moments, full)
        finally:
            self.rough = False

    def judge(self, failures: RunFailures) -> None:
        if not self.rough:
            super().judge(failures)
        assert all(isinstance(error, SystemFailure) for error in failures.errors.values()), f"{self}: {failures.errors}"
        self.failures += bool(failures.errors)


@dataclass
class DataverseWorld(FarWorld):
    """The right side is an environment of Dataverse."""

    def made_system(self, side: Side) -> WorldSystem:
        return super().made_system(side) if side is Side.LEFT else FarDataverse(self.now, self.draw)


@dataclass
class BusinessCentralWorld(FarWorld):
    """The left side is a company of Business Central. `numbers`: who gives new records there their numbers."""

    numbers: str = "client id"

    def __post_init__(self) -> None:
        self.far_side = Side.LEFT
        super().__post_init__()
        assert not self.drawn.families, "people belong to nobody here"
        inside = f"{ZONE} = ''"  # nothing is null
        options = SideOptions(filter_text=inside, filter=parse(inside))
        self.mappings[CONTACTS] = replace(self.mappings[CONTACTS], left_options=options)

    def made_system(self, side: Side) -> WorldSystem:
        if side is Side.RIGHT:
            return super().made_system(side)
        return FarBusinessCentral(self.now, self.draw, self.numbers)

    def loss(self, name: str) -> Loss | None:
        """A record whose number comes from the series is not told from a newcomer when it arrives late."""
        loss = super().loss(name)
        return Loss.ANSWER if loss is Loss.LATE and self.numbers == "series" else loss
