"""What dlt does with the same rows, run by the interpreter of dlt's own environment.

`python -m benchmarks.dlt_merge SOURCE TARGET FOLDER`: read the customers that changed since the last time, merge them
into the target's table `erp.customer` by their key, and print how long that took without imports. FOLDER is where dlt
keeps its state.
"""

import json
import sys
import time

import dlt
from dlt.sources.sql_database import sql_table

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
    started = time.perf_counter()
    merge(*sys.argv[1:4])
    print(json.dumps({"seconds_without_imports": time.perf_counter() - started}))
