"""One dlt run of usage_records, for loaders_merge.py. In: DSNs as JSON. Out: its seconds."""

from __future__ import annotations

import json
import os
import sys
import time

given = json.loads(sys.argv[1])
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["DATA_WRITER__FILE_FORMAT"] = "csv"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"

import dlt  # noqa: E402
from dlt.sources.sql_database import sql_table  # noqa: E402

table = sql_table(
    credentials=given["source"].replace("postgresql://", "postgresql+psycopg2://"),
    table="usage_records",
    backend="pyarrow",
    chunk_size=100_000,
    incremental=dlt.sources.incremental("created_at"),
    reflection_level="full",
)
table.apply_hints(
    primary_key="id", write_disposition={"disposition": "merge", "strategy": "upsert"}
)
pipeline = dlt.pipeline(
    "bench",
    destination=dlt.destinations.postgres(given["target"].replace("postgres@", "postgres:unused@")),
    dataset_name="dlt_nexacloud",
    pipelines_dir=given["state"],
)
started = time.perf_counter()
info = pipeline.run(table, loader_file_format="csv")
info.raise_on_failed_jobs()
print(time.perf_counter() - started)
