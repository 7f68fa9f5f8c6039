"""How many rows go together: fewer, where those that went together were not answered.

One row over which a service breaks down takes all with it that it is sent with, and the service does not say which it
was (wire 1.8); and what takes too long together is always too long. So rows of a request that was not answered go in
tenths when they are sent again, and after that each for itself: the good ones get in, and the one to blame is alone.
Whether they are sent again is for the caller: they are looked up before (DESIGN 7).
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from threading import Lock
from typing import TypeVar

Row = TypeVar("Row")

PIECES = 10
"""Into how many pieces a request is parted. A hundred rows are single after two failures, of two minutes each perhaps:
by halves it were seven, and a call is over after ten minutes.
"""


class Parting:
    """What is known of rows that were not answered, by a name that is the same when they are sent again. Used by many
    threads.
    """

    def __init__(self) -> None:
        self._sizes: dict[Hashable, int] = {}
        self._lock = Lock()

    def parts(self, rows: Sequence[Row], names: Sequence[Hashable], most: int) -> Iterator[list[Row]]:
        """These rows, in their order, in parts that are sent together. `names`: of all of them, row by row."""
        with self._lock:
            sizes = [min(most, self._sizes.get(name, most)) for name in names]
        part: list[Row] = []
        size = most
        for row, fits in zip(rows, sizes, strict=True):
            if part and (fits != size or len(part) == size):
                yield part
                part = []
            size = fits
            part.append(row)
        if part:
            yield part

    def unanswered(self, names: Sequence[Hashable]) -> None:
        """A request with these rows was not answered."""
        size = max(1, len(names) // PIECES)
        with self._lock:
            self._sizes |= {name: min(size, self._sizes.get(name, size)) for name in names}

    def answered(self, names: Iterable[Hashable]) -> None:
        """What became of these rows is known."""
        with self._lock:
            for name in names:
                self._sizes.pop(name, None)

    def __contains__(self, name: Hashable) -> bool:
        """Whether this row was sent, and not answered."""
        with self._lock:
            return name in self._sizes
