"""When Python looks for garbage: between pages, not in the middle of one.

A page passes by as hundreds of thousands of tuples that live for a moment. Counting them makes Python look through all
it has again and again, which cost a tenth of an initial load; there is nothing to be found.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def between_pages() -> Iterator[None]:
    """Until the end of the block garbage is looked for only when `collect` is called."""
    if not gc.isenabled():  # somebody around us has said so already
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def collect() -> None:
    """Look at what was made since the last look."""
    gc.collect(0)
