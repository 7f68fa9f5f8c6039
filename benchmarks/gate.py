"""The gate: what is measured at which size, and the marks it has to reach (2 cores, database on the same machine)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.meter import Figures

SMALL = 100_000
"""What memory and cost of the large size are compared with."""


@dataclass(frozen=True)
class Run:
    """One thing measured with so many rows; `child.MEASURED` has the names."""

    name: str
    rows: int


Results = Mapping[Run, Sequence[Figures]]
"""Of each run its figures, one per round."""


@dataclass(frozen=True)
class Mark:
    """What one value has to be. `value` answers None when something it needs was not measured."""

    text: str
    unit: str
    limit: float
    value: Callable[[Results], float | None]
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Whether a value reaches the mark."""
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True)
class Scenario:
    """One line of the gate."""

    number: str
    text: str
    runs: tuple[Run, ...]
    marks: tuple[Mark, ...]


def scenarios(large: int) -> tuple[Scenario, ...]:
    """The gate with `large` in the place of a million rows."""
    small = min(SMALL, large)
    return (
        _initial(large, small),
        _changed(large, small),
        _idle(large),
        _two_way(large),
        _sqlite(large, small),
        _reconcile(large),
        _conflicts(min(10_000, large)),
        _compare(large),
        _services(min(10_000, large)),
    )


def _initial(large: int, small: int) -> Scenario:
    koppel, plain = Run("P1.koppel", large), Run("P1.plain", large)
    before = Run("P1.koppel", small)
    marks = (
        Mark("wall of a plain COPY pipe into the same table", "×", 2.5, _ratio(koppel, plain)),
        Mark("peak memory", "MB", 400, _each(koppel, _peak)),
        Mark(f"peak memory of {small:,} rows", "×", 1.3, _ratio(koppel, before, _peak)),
    )
    text = "first full synchronisation, PostgreSQL to PostgreSQL"
    return Scenario("P1", text, _once(koppel, plain, before, Run("P1.plain", small)), marks)


def _changed(large: int, small: int) -> Scenario:
    koppel, before = Run("P2.koppel", large), Run("P2.koppel", small)
    process, dlt = Run("P2.process", large), Run("P2.dlt", large)
    marks = (
        Mark("wall of dlt's merge of the same rows, process beside process", "×", 1, _ratio(process, dlt)),
        Mark(f"wall with {small:,} rows", "×", 1.5, _ratio(koppel, before)),
    )
    return Scenario("P2", f"{min(10_000, large):,} of {large:,} changed", _once(process, dlt, koppel, before), marks)


def _idle(large: int) -> Scenario:
    warm, process = Run("P3.warm", large), Run("P3.process", large)
    marks = (
        Mark("a mapping in a warm process", "ms", 60, _each(warm, lambda figures: figures.seconds * 1000)),
        Mark("the whole process", "s", 1, _each(process, _seconds)),
    )
    return Scenario("P3", "nothing changed, between sweeps", (warm, process), marks)


def _two_way(large: int) -> Scenario:
    koppel = Run("P4.koppel", large)
    marks = (
        Mark("wall", "s", 6, _each(koppel, _seconds)),
        Mark("records written by the run after it", "", 0, _each(koppel, _written)),
    )
    return Scenario("P4", "two-way, 1 % changed on each side, 0.05 % conflicts", (koppel,), marks)


def _sqlite(large: int, small: int) -> Scenario:
    runs = [Run(f"P6.{who}", rows) for rows in (small, large) for who in ("koppel", "plain")]
    marks = (
        Mark(f"with {small:,} rows", "records/s", 25_000, _each(runs[0], _rate(small)), at_least=True),
        Mark(f"with {large:,} rows", "records/s", 12_000, _each(runs[2], _rate(large)), at_least=True),
    )
    return Scenario("P6", "first full synchronisation, SQLite to SQLite", _once(*runs), marks)


def _reconcile(large: int) -> Scenario:
    koppel = Run("P7.koppel", large)
    rate = _each(koppel, lambda figures: large / figures.client_cpu)
    return Scenario(
        "P7", "reconcile alone, 10 fields", (koppel,), (Mark("on one core", "pairs/s", 1e6, rate, at_least=True),)
    )


def _conflicts(rows: int) -> Scenario:
    conflicts, clean = Run("P9.conflicts", rows), Run("P9.clean", rows)
    mark = Mark(f"wall of a clean run of {rows:,} updates", "×", 3, _ratio(conflicts, clean))
    return Scenario("P9", f"{rows:,} of {rows:,} pairs in conflict", (conflicts, clean), (mark,))


def _compare(large: int) -> Scenario:
    koppel, plain = Run("P11.koppel", large), Run("P11.plain", large)
    marks = (
        Mark("wall of reading both sides raw", "×", 6, _ratio(koppel, plain)),
        Mark("peak memory", "MB", 400, _each(koppel, _peak)),
        Mark("records written", "", 0, _each(koppel, _written)),
    )
    return Scenario("P11", f"full compare and sweep of {large:,} pairs, nothing different", (koppel, plain), marks)


def _services(customers: int) -> Scenario:
    koppel = Run("P12.koppel", customers)
    marks = (
        Mark("of the throughput of the same calls alone", "%", 80, _each(koppel, _more("share")), at_least=True),
        Mark("calls rejected after the first ones", "", 0, _each(koppel, _more("rejected"))),
    )
    text = f"{customers:,} customers and {customers * 7 // 5:,} contacts over HTTP, 50 ms on the way, limits on"
    return Scenario("P12", text, (koppel,), marks)


def _once(*runs: Run) -> tuple[Run, ...]:
    """Where the large size is small itself, two runs are one."""
    return tuple(dict.fromkeys(runs))


_Measure = Callable[[Figures], float]


def _seconds(figures: Figures) -> float:
    return figures.seconds


def _peak(figures: Figures) -> float:
    return figures.peak_mb


def _more(name: str) -> _Measure:
    return lambda figures: figures.more[name]


def _written(figures: Figures) -> float:
    return figures.more["written"]


def _rate(rows: int) -> _Measure:
    return lambda figures: rows / figures.seconds


def _each(run: Run, measure: _Measure) -> Callable[[Results], float | None]:
    """The median over the rounds."""
    return lambda results: median(map(measure, results[run])) if results.get(run) else None


def _ratio(run: Run, other: Run, measure: _Measure = _seconds) -> Callable[[Results], float | None]:
    """The median of the ratios within each round: what disturbs the machine disturbs both."""

    def value(results: Results) -> float | None:
        pairs = zip(results.get(run, ()), results.get(other, ()), strict=False)
        ratios = [measure(ours) / measure(theirs) for ours, theirs in pairs]
        return median(ratios) if ratios else None

    return value
