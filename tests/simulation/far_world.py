"""A world whose right side is a service behind a wire, and whose runs may fail while the wire does."""

from dataclasses import dataclass

from koppel.engine.run import RunFailures
from koppel.errors import SystemFailure
from koppel.model.policy import Side
from koppel.testing.interrupts import Moments
from koppel.testing.world import World
from koppel.testing.world_systems import WorldSystem
from tests.simulation.far_dataverse import FarDataverse


@dataclass
class DataverseWorld(World):
    """`failures`: runs that ended because the system could not be reached; `rough`: one may do so now."""

    failures: int = 0
    rough: bool = False

    def made_system(self, side: Side) -> WorldSystem:
        return super().made_system(side) if side is Side.LEFT else FarDataverse(self.now, self.draw)

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
