"""What dlt does with the same rows, run by the interpreter of dlt's own environment.

`python -m benchmarks.dlt_merge SOURCE TARGET FOLDER POSTMASTER`: read the customers that changed since the last time,
merge them into the target's table `erp.customer` by their key, and print the `Figures` as a line of JSON. FOLDER is
where dlt keeps its state.
"""

import json
import sys
from dataclasses import asdict

import dlt
from dlt.sources.sql_database import sql_table

from benchmarks.meter import Meter

PAGE = 50_000


def merge(source: str, target: str, folder: str) -> None:
    """One run of the pipeline."""
    stamp = dlt.sources.incremental("modified_at", range_start="open", on_cursor_value_missing="raise")
    customers = sql_table(
        credentials=source,
        table="customer",
        backend="pyarrow",
        chunk_size=PAGE,
        reflection_level="full",
        incremental=stamp,
        primary_key="id",
        write_disposition={"disposition": "merge", "strategy": "upsert"},
    )
    destination = dlt.destinations.postgres(target)
    dlt.pipeline("customers", destination=destination, dataset_name="erp", pipelines_dir=folder).run(customers)


if __name__ == "__main__":
    source, target, folder, postmaster = sys.argv[1:5]
    with Meter(int(postmaster) if postmaster != "None" else None) as meter:
        merge(source, target, folder)
    print(json.dumps(asdict(meter.figures)))
