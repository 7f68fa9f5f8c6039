"""Mistakes of a configuration, gathered so that all of them are told at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from koppel.errors import ConfigurationError, Problem


class Mistakes:
    """What is wrong so far."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []

    @contextmanager
    def noted(self) -> Iterator[None]:
        """A step of which a ConfigurationError is kept for later; what comes after it goes on without its result."""
        try:
            yield
        except ConfigurationError as error:
            self._problems += error.problems

    def tell(self) -> None:
        """Raise ConfigurationError with everything that was noted, each once, where anything was."""
        if self._problems:
            raise ConfigurationError(list(dict.fromkeys(self._problems)))
