"""`make bench`: every measured thing in a process of its own."""

import os
import subprocess
import sys

from benchmarks.child import MEASURED
from benchmarks.folder import ROOT
from benchmarks.postgresql import URL, server_url


def main() -> None:
    """Measure what is named, else everything."""
    os.environ[URL] = server_url()
    rows = os.environ.get("KOPPEL_BENCH_ROWS", "1000000")
    for name in MEASURED:
        if not sys.argv[1:] or name.partition(".")[0] in sys.argv[1:]:
            subprocess.run([sys.executable, "-m", "benchmarks.child", name, rows], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
