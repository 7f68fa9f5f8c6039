"""Records that others wait for and that no run will ever couple (semantics 8.4.5)."""

from koppel.engine.blockers import Blocker, blockers
from koppel.model.mapping import Mapping, Reference, TableRef
from koppel.model.policy import Direction, Side
from tests.engine.twin import Twin, line, lines, texts


def test_a_blank_counts_as_what_it_stands_for(twin: Twin) -> None:
    """Semantics 4.8.4: once blanks were left out, and a text without characters was counted beside its value twice."""
    for side, name in ((Side.LEFT, "currency"), (Side.RIGHT, "transactioncurrency")):
        twin.add(side, texts(name, "name")).put("EUR", {"name": "Euro"})
    currencies = (TableRef("erp", "currency"), TableRef("crm", "transactioncurrency"))
    twin.more["CURRENCY"] = Mapping("CURRENCY", *currencies, lines("name <- name"), Direction.TO_LEFT)
    reference = Reference(("CURRENCY",), blank="EUR")
    twin.having(fields=(*lines("name <-> name"), line("city -> city", reference=reference)))
    for number, currency in enumerate((None, "", "EUR", "EUR")):
        twin.put(Side.LEFT, number, name="Anna", city=currency)
    assert blockers(twin.context_open()) == [Blocker("city", "EUR", "CURRENCY", 4)]
