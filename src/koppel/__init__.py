"""koppel keeps the records of two business systems coupled and in step.

The facade is `koppel.app.Koppel`; a connector author reads `koppel.ports`. This module holds only the version,
so that `import koppel` costs nothing.
"""

__version__ = "0.1.0"
