"""The command line: `koppel COMMAND …`. Thin: it asks, shows and counts; what is done stands in `koppel.app`.

Nothing here imports the facade before a command needs it, so that `koppel --help` and `koppel --version` are instant.
"""

from koppel.cli.program import main

__all__ = ["main"]
