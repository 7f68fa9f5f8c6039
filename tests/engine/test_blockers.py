"""Records that others wait for and that no run will ever couple (semantics 8.4.5)."""

from koppel.engine.blockers import Blocker, blockers
from koppel.model.mapping import Mapping, Reference, TableRef
from koppel.model.policy import Direction, Side
from tests.engine.twin import Twin, line, lines, texts


def _refer_to_currencies(twin: Twin, reference: Reference) -> None:
    """The city of a customer names a currency, and none is coupled yet."""
    for side, name in ((Side.LEFT, "currency"), (Side.RIGHT, "transactioncurrency")):
        twin.add(side, texts(name, "name")).put("EUR", {"name": "Euro"})
    currencies = (TableRef("erp", "currency"), TableRef("crm", "transactioncurrency"))
    twin.more["CURRENCY"] = Mapping("CURRENCY", *currencies, lines("name <- name"), Direction.TO_LEFT)
    twin.having(fields=(*lines("name <-> name"), line("city -> city", reference=reference)))


def test_a_blank_counts_as_what_it_stands_for(twin: Twin) -> None:
    """Semantics 4.8.4: once blanks were left out, and a text without characters was counted beside its value twice."""
    _refer_to_currencies(twin, Reference(("CURRENCY",), blank="EUR"))
    for number, currency in enumerate((None, "", "EUR", "EUR")):
        twin.put(Side.LEFT, number, name="Anna", city=currency)
    assert blockers(twin.context_open()) == [Blocker("city", "EUR", "CURRENCY", 4)]


def test_a_field_that_does_not_exist_tells_nobody_apart(twin: Twin) -> None:
    """`koppel check` broke off where the mapping referred to is matched by a field that is not there; that mapping says
    so itself.
    """
    _refer_to_currencies(twin, Reference(("CURRENCY",)))
    twin.put(Side.LEFT, 1, name="Anna", city="EUR")
    context = twin.context_open()
    assert blockers(context, lambda name, side: "name") == [Blocker("city", "Euro", "CURRENCY", 1)]
    assert blockers(context, lambda name, side: "nmae") == [Blocker("city", "EUR", "CURRENCY", 1)]
