"""The page a connector author reads: what koppel asks of a system and of its tables.

A **System** opens tables. A **Table** has five methods, `describe`, `changes`, `fetch`, `find` and `write` (and
`reserve`, where numbers can be reserved), and one dataclass of honest **Features**. The engine chooses by features,
never by a connector's name, and `koppel.testing.TableContract` proves each claim. Pages are Polars frames (Arrow
memory) as `model.values` describes them: values in the dtype of their kind, plus ID, VERSION and FAULT. A value that
cannot be represented in its kind is null and its record's FAULT says `field: reason`; it is never rounded, cut or
guessed.

Connectors know ports, model and errors, and raise only `SystemFailure` and `ConfigurationError`. One record's trouble
is an outcome.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol, runtime_checkable

import polars as pl

from koppel.model.cost import Rates
from koppel.model.coupling import Intent, Settlement
from koppel.model.filter import Filter
from koppel.model.job import Job, JobKind, JobState
from koppel.model.numbers import Numbers
from koppel.model.policy import Side
from koppel.model.values import TableShape
from koppel.model.write import Write


class Feed(StrEnum):
    """How a table tells what changed."""

    FULL = "full"
    """It cannot: every record is named every time."""
    MODIFIED_ON = "modified-on"
    """By a change stamp."""
    TOKEN = "token"
    """By a token of its own that also names deletions."""


@dataclass(frozen=True)
class Features:
    """What a table can do, said honestly. `lag`: how far behind the cursor a change may still appear; `batch_rows`:
    rows per write.
    """

    feed: Feed
    reports_deletions: bool
    conditional_writes: bool
    """A stale row is refused at the moment of writing, not just before it."""
    returns_stored: bool
    """Outcomes carry what was really stored, after triggers and defaults."""
    atomic_batch: bool
    """All written rows of a write are committed together, so one look-up settles an unknown one."""
    batch_rows: int
    lag: timedelta
    elsewhere: bool = True
    """The work is done by another process, so that koppel can do something else while it waits for an answer."""
    caveat: str = ""
    """What a person should know or could do about these claims, in a sentence; `check` shows it."""
    rates: Rates | None = None
    """What the service bears and how long it takes, for the plan of a big run; None: only its own work limits it."""


@dataclass(frozen=True)
class Want:
    """What to read: the fields, and a filter that may be used to leave records out (or ignored)."""

    fields: tuple[str, ...]
    filter: Filter | None = None


@dataclass(frozen=True)
class Changes:
    """An answer to `changes`. `cursor` was taken before the first read: pass it back to take up from here.

    `complete`: the pages name every record of the table (within the filter), so one that is not named does not exist.
    `pages`: frames with ID, VERSION, FAULT and the wanted fields, read while they are iterated; a record may come
    twice, and what is said last counts.
    """

    cursor: str
    complete: bool
    pages: Iterator[pl.DataFrame]


@dataclass(frozen=True)
class TableOptions:
    """What a mapping may override of what a table declares. None = as found."""

    key: tuple[str, ...] | None = None
    modified: str | None = None
    lag: timedelta | None = None
    numbers: Numbers | None = None


class NumberKeeper(Protocol):
    """Gives out numbers, each once, whoever asks for them and whenever."""

    def __call__(self, name: str, count: int, least: int) -> int:
        """The first of `count` numbers in a row, `least` or above, that nobody was given under this name."""


@dataclass(frozen=True)
class Use:
    """What the mappings may do with one table, in any run. `fields`: those they name. `reserves`: new records get
    numbers of a range of koppel's own. `creates`, `deletes`: they make records, and delete them. `given`: fields that
    new records get; `changed`: fields of records that exist which they write.
    """

    fields: frozenset[str]
    reserves: bool = False
    creates: bool = False
    deletes: bool = False
    given: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()

    def __or__(self, other: "Use") -> "Use":
        """What both do together."""
        return Use(
            self.fields | other.fields,
            self.reserves or other.reserves,
            self.creates or other.creates,
            self.deletes or other.deletes,
            self.given | other.given,
            self.changed | other.changed,
        )


@dataclass(frozen=True)
class Finding:
    """Something about a system that a person should know before a run. `table`: '' for the system as a whole. `grave`:
    a run would fail; else it is a warning. `note`: nothing is wrong, but something could not be looked at.
    """

    table: str
    text: str
    remedy: str
    grave: bool
    note: bool = False


class Table(Protocol):
    """One table of a system."""

    @property
    def features(self) -> Features:
        """What this table can do."""

    def describe(self) -> TableShape:
        """The table's fields, key and change stamp."""

    def changes(self, since: str | None, want: Want) -> Changes:
        """The records that changed after the cursor `since` (None: all), at least once each; takes the new cursor
        before it reads.
        """

    def fetch(self, ids: pl.Series, want: Want) -> pl.DataFrame:
        """The records with these ids: ID, VERSION, FAULT and the wanted fields, in any order; one that does not exist
        is absent.

        `want.filter` is not looked at: a missing id means that there is no such record.
        """

    def find(self, keys: pl.DataFrame, ignore_case: bool) -> pl.DataFrame:
        """Whole-table look-up. `keys`: OP and one or more fields of this table; answer: OP and ID of every record equal
        in all of them.

        Text is compared as stored, or lower-cased on both sides (full Unicode) with `ignore_case`; surrounding blanks
        never count. A null never equals anything.
        """

    def write(self, write: Write) -> pl.DataFrame:
        """Carry out one write. Answer, one row per OP: OP, CODE (an `Outcome`), ID, VERSION, FIELD, MESSAGE and the
        stored `write.want`. FIELD and MESSAGE say why a row was refused. ALTERED, where a connector can tell, names the
        fields of a written row of which the system keeps something else than was sent, MESSAGE saying why.

        The good rows of a batch go in when bad ones are refused. Raises `SystemFailure` when the fate of the whole
        batch is unknown, or, as its `undone` says, nothing of it was carried out.
        """

    def reserve(self, count: int) -> pl.Series:
        """`count` new ids that nobody else will be given (only where the key's origin is RESERVED), or values of the
        shape's mark.
        """


class System(Protocol):
    """One connected system."""

    @property
    def name(self) -> str:
        """The name the configuration gives it; people see this instead of left and right."""

    def identity(self) -> str:
        """Which installation this is; another one behind the same name makes koppel halt."""

    def now(self) -> datetime:
        """What its own clock says (UTC): the clock of its change stamps."""

    def tables(self) -> tuple[str, ...]:
        """The names of its tables, for messages that suggest one."""

    def table(self, name: str, options: TableOptions) -> Table:
        """Open one table. Raises `ConfigurationError` when there is no such table or the options do not fit it."""

    def check(self, uses: Mapping[str, Use]) -> Sequence[Finding]:
        """What only this system can tell: rights, set-up, tables that are not as they should be. `uses`: tables that
        exist. What stands in the way of something else comes before it. Writes nothing.
        """

    def currency(self) -> str | None:
        """The ISO code of the currency that amounts are in where none is named; None where that is not known."""

    def close(self) -> None:
        """Give back what is open. Safe to call twice."""


@runtime_checkable
class Exchange(Protocol):
    """A system that knows what currencies are worth; not every system does."""

    def rate(self, code: str) -> Decimal | None:
        """How much of the currency with this ISO code one unit of `System.currency` is worth now; None where that is
        not known.
        """


class Clock(Protocol):
    """Where the engine gets the time from."""

    def now(self) -> datetime:
        """The present moment, UTC."""


@dataclass(frozen=True)
class Watermark:
    """How far one side was read. It counts only for the same `identity`: filter, fields, direction, whether lone
    records were considered.
    """

    cursor: str
    identity: str
    newest: tuple[str, str] | None = None
    """(id, version) of the newest record seen so far; if that record grows older, the system was restored from a
    backup.
    """


@dataclass(frozen=True)
class OpenIntent:
    """A journal row whose write is not settled: its fate is to be found out."""

    id: int
    job: int
    intent: Intent


class Store(Protocol):
    """koppel's memory, as the engine sees it. Every method is one transaction; `koppel.store` keeps it in SQLite or
    PostgreSQL.
    """

    def open_job(self, run: int, mapping: str, kind: JobKind, direction: str, document: str) -> Job:
        """Take the mapping's lease and open a job; a dead one is closed as interrupted. Raises `LeaseLost` while
        another is alive.
        """

    def finish_job(
        self, job: Job, state: JobState, message: str, watermarks: Sequence[Watermark | None], swept: bool
    ) -> None:
        """Close the job, move the watermarks of both sides (None: leave it) and give the lease back."""

    def watermark(self, mapping: str, side: Side) -> Watermark | None:
        """How far that side was read, or None when it never was."""

    def swept_at(self, mapping: str) -> datetime | None:
        """When the mapping was last swept for deletions."""

    def count_couplings(self, mapping: str) -> int:
        """How many couplings the mapping has."""

    def more_couplings_than(self, mapping: str, number: int) -> bool:
        """Whether the mapping has more couplings than that; they are counted no further."""

    def begin_due(self, job: Job) -> None:
        """Empty the job table in which the records to be looked at are lined up."""

    def add_due(self, side: Side, page: pl.DataFrame) -> None:
        """Add records (ID, VERSION) that a feed named; each counts once, the latest version stands."""

    def add_uncoupled(self, side: Side, ids: pl.Series) -> None:
        """Add records without a coupling that a feed named; no version of theirs is known."""

    def add_present(self, side: Side, ids: pl.Series) -> None:
        """Add ids that a sweep found to exist."""

    def line_up(self, job: Job, lone: bool, swept: Sequence[Side], layout: int) -> int:
        """Join what is due, the retry set and the unsettled couplings into pairs; how many there are.

        `lone`: uncoupled records that feeds named too (those of the retry set always). `swept`: the sides whose coupled
        records are suspects when no page named them. `layout`: couplings whose baseline is of another one have fields
        that were never looked at.
        """

    def line_up_all(self, job: Job, lone: bool, rest: pl.Series | None, end: int) -> tuple[int, int]:
        """The same with all couplings, whatever their versions say: how many pairs there are, and how many couplings
        are left out. `rest`: of those below the number `end` about which nothing is open only the ones with these
        numbers (some of which may be none of the mapping's).
        """

    def line_up_couplings(self, couplings: Sequence[int], lone: Sequence[tuple[Side, str]]) -> int:
        """Line up exactly these instead."""

    def missing(self, job: Job, side: Side) -> int:
        """How many coupled records of that side no page and no sweep named."""

    def pairs(self, job: Job, size: int) -> Iterator[pl.DataFrame]:
        """What was lined up, in pages of PAIR_SCHEMA; first couplings, then lone records of the left, then of the
        right.
        """

    def coupled(self, mapping: str, side: Side, ids: pl.Series) -> pl.DataFrame:
        """The couplings (COUPLING_SCHEMA) of these records of one side."""

    def coupling_numbers(self, mapping: str) -> range:
        """Among which the numbers of all couplings of the mapping are."""

    def baselines(self, mapping: str, side: Side, ids: pl.Series, layout: int) -> pl.DataFrame:
        """COUPLING, ID, `version`, `base`: what was last agreed with these records of one side; those without a
        coupling are absent. `base` is empty where it was kept in another layout, or a lost answer is not forgotten yet.
        """

    def partners(self, mappings: Sequence[str], side: Side, ids: pl.Series) -> pl.DataFrame:
        """`id`, `partner`: the coupled record on the other side, from the first of these mappings that has one."""

    def apart(self, mapping: str, side: Side, ids: pl.Series) -> pl.DataFrame:
        """`id`, `other`, `creates`: pairs that a person rejected (`creates`), un-created or uncoupled."""

    def layout(self, mapping: str, entries: tuple[str, ...]) -> int:
        """The number of this layout; made when it is new."""

    def layouts(self, mapping: str) -> dict[int, tuple[str, ...]]:
        """All layouts that baselines of the mapping were ever kept in."""

    def chosen_ids(self, mapping: str, side: Side, sources: pl.Series | None = None) -> pl.DataFrame:
        """`id`, `chosen`: ids once chosen on `side` for creates of these source records (None: of all) that did not
        come to be.
        """

    def retries(self, mapping: str, side: Side, ids: pl.Series) -> pl.DataFrame:
        """`record`, `code`, `field`, `print`, `skipped`, `job`: what the retry set knows of records of one side."""

    def unknown_outcomes(self, mapping: str, side: Side) -> int:
        """How many creates from records of that side may or may not have happened, given up or still in the journal."""

    def intend(self, job: Job, facts: Settlement, intents: Sequence[Intent], aside: pl.DataFrame) -> list[int]:
        """Commit facts that need no write, what is set aside, and the intents; the journal's numbers of the intents."""

    def settle(self, job: Job, journal: int, settlement: Settlement, left: Intent | None = None) -> None:
        """Commit what really happened and take the journal row away, but for what is `left` open of it. Raises
        `LeaseLost` and changes nothing when the epoch moved on.
        """

    def open_intents(self, mapping: str) -> list[OpenIntent]:
        """The writes of this mapping whose fate is open."""

    def abandon(self, job: Job, journal: int, settlement: Settlement, chosen: pl.DataFrame) -> None:
        """Like settle, for a write that was looked up; `chosen` (`id`, `chosen`) keeps the ids of creates that did not
        come to be.
        """

    def written_often(self, mapping: str, side: Side, ids: pl.Series, since: datetime, times: int) -> pl.DataFrame:
        """`record`, `field`: which cells of these records of one side koppel has written so many times or more."""

    def reserve_numbers(self, name: str, count: int, least: int) -> int:
        """As `NumberKeeper` says."""

    def forget_history(self, mapping: str, days: int) -> None:
        """Delete what was written longer ago than so many days (0: all of it)."""

    def aside(self, job: Job) -> pl.DataFrame:
        """What the job has set aside (ASIDE_SCHEMA)."""

    def clear_aside(self, job: Job, kinds: Sequence[str]) -> None:
        """Forget what was set aside of these kinds: it is decided again now."""
