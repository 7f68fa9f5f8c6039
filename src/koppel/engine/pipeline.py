"""The pipeline: while one page is written, the next is decided, and the one after it is read (DESIGN 5).

One hand reads ahead and one writes; everything that touches the store happens here, in one thread and in the order of
the pages: the intents of a page are on record before it is written, and it is settled when its answer is there. So a
crash leaves the intents of two pages open instead of one, and `recover` does not care.

Some pages must see what the one before them did, and wait until it is settled: `_waits`.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future

import polars as pl

from koppel.engine.carry import OpenPage, begin
from koppel.engine.context import JobContext, Round
from koppel.engine.couple import match_rules
from koppel.engine.garbage import collect
from koppel.engine.judge import policy_of
from koppel.engine.lone import lone_pages
from koppel.engine.page import Page, read_page
from koppel.engine.write import Batch
from koppel.errors import KoppelError, SystemFailure
from koppel.model.bound import Identity
from koppel.model.coupling import COUPLING, LEFT_ID
from koppel.model.policy import OnDelete, Side

OPEN_PAGES = 2
"""Pages whose intents may be on record and not settled: one being written, one waiting to be."""


def carry(
    context: JobContext,
    lined_up: Iterable[pl.DataFrame],
    round_: Round,
    tell: Callable[[int], None] = lambda pairs: None,
) -> None:
    """Carry these pages of pairs (PAIR_SCHEMA); `tell` is told of each how many pairs it had.

    Raises what a write or the store raises, after what was written before is settled and what was never sent is taken
    back.
    """
    elsewhere = any(context.tables[side].table.features.elsewhere for side in Side)
    with context.hand(elsewhere) as reader, context.hand(elsewhere) as writer:
        flight = _Flight(writer)
        try:
            before: Side | None = None
            for pairs, page in _read_ahead(context, reader, lined_up):
                side = _lone_side(pairs)
                if side is not before or _waits(context, side):
                    flight.land()
                before = side
                for part, creating in _parts(context, page, side):
                    flight.take_off(begin(creating, part, round_))
                tell(len(pairs))
                collect()
            flight.land()
        except BaseException:
            flight.stopped = True
            raise


def _read_ahead(
    context: JobContext, reader: Executor, lined_up: Iterable[pl.DataFrame]
) -> Iterator[tuple[pl.DataFrame, Page]]:
    """Every page with its records; the next one is being read meanwhile."""
    ahead: tuple[pl.DataFrame, Future[Page]] | None = None
    for pairs in lined_up:
        coming = reader.submit(read_page, context, pairs)
        if ahead is not None:
            yield ahead[0], ahead[1].result()
        ahead = pairs, coming
    if ahead is not None:
        yield ahead[0], ahead[1].result()


def _lone_side(pairs: pl.DataFrame) -> Side | None:
    """The side of a page of uncoupled records; None for couplings."""
    if pairs[COUPLING].null_count() == 0:
        return None
    return Side.LEFT if pairs[LEFT_ID].null_count() == 0 else Side.RIGHT


def _waits(context: JobContext, lone: Side | None) -> bool:
    """Whether a page has to see what became of the one before it.

    Where partners are looked for, one may have been created a moment ago; where a table refers to itself, a parent.
    Where the fate of a lost create cannot be found out, no second page of creates may be open: uncoupled records are
    created on the other side, and coupled ones on any, when a deletion is undone.
    """
    if context.bound.refers_to_itself:
        return True
    if lone is None:
        return policy_of(context).on_delete is OnDelete.RESTORE and Identity.NONE in context.bound.identities
    return bool(match_rules(context, lone)) or context.bound.identities[lone.other] is Identity.NONE


def _parts(context: JobContext, page: Page, lone: Side | None) -> Iterator[tuple[Page, JobContext]]:
    """What of a page is carried, and for what."""
    if lone is None:
        yield page, context
        return
    creating = context.creating()
    for part in lone_pages(creating, page, lone):
        yield part, creating


class _Unsent(Exception):
    """A write that was not sent, because one before it failed."""


class _Flight:
    """Pages whose writes are on record and not settled yet, the oldest first."""

    def __init__(self, writer: Executor) -> None:
        self._writer = writer
        self._open: deque[tuple[OpenPage, list[tuple[int, Batch, Future[pl.DataFrame]]]]] = deque()
        self.stopped = False
        """Nothing is sent any more."""

    def take_off(self, page: OpenPage | None) -> None:
        """Send the writes of a page; settle the oldest when its answers are there, or too many are open."""
        if page is None:
            return
        sent = [(number, batch, self._writer.submit(self._send, page, batch)) for number, batch in page.writes]
        self._open.append((page, sent))
        while self._open and (len(self._open) >= OPEN_PAGES or self._answered()):
            self._settle_oldest()

    def land(self) -> None:
        """Settle everything that is open."""
        while self._open:
            self._settle_oldest()

    def _answered(self) -> bool:
        _, sent = self._open[0]
        return all(answer.done() for _, _, answer in sent)

    def _send(self, page: OpenPage, batch: Batch) -> pl.DataFrame:
        if self.stopped:
            raise _Unsent
        try:
            return page.write(batch)
        except BaseException:
            self.stopped = True
            raise

    def _settle_oldest(self) -> None:
        failure: KoppelError | None = None
        page, sent = self._open.popleft()
        for number, batch, answer in sent:
            try:
                outcomes = answer.result()
            except _Unsent:
                page.withdraw(number)
            except KoppelError as error:  # its fate is open: the journal keeps it until `recover` has looked
                failure = error
                if isinstance(error, SystemFailure) and error.undone:
                    page.withdraw(number)
            else:
                page.settle(number, batch, outcomes)
        if failure is None:
            failure = self._look_up(page)
        if failure is not None:
            self.land()
            raise failure

    def _look_up(self, page: OpenPage) -> SystemFailure | None:
        """Find out about rows that were not answered; the failure of a system that does not even let us look."""
        try:
            page.look_up()
        except SystemFailure as failure:
            self.stopped = True
            return failure
        return None
