"""The contract of a table, as tests: what `koppel.ports` says, proven for each feature a connector claims.

Subclass `TableContract` in a pytest module and give it a fixture `stage` that returns a `koppel.testing.Stage`. What a
system does not have is said in `Stage.lacks`, and that it has not is proven too: no test is skipped.
"""

from koppel.testing.contract.changing import Changing
from koppel.testing.contract.creating import Creating
from koppel.testing.contract.feeding import Feeding
from koppel.testing.contract.finding import Finding
from koppel.testing.contract.reading import Reading
from koppel.testing.contract.surroundings import Surroundings
from koppel.testing.contract.ways import codes, found, uuid

__all__ = ["TableContract", "codes", "found", "uuid"]


class TableContract(Reading, Feeding, Finding, Creating, Changing, Surroundings):
    """Every test of the contract. `stage` is fresh for each."""
