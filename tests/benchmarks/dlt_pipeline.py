"""The same load with dlt, as its users would write it: a resource that yields parsed documents, dlt does the rest.

dlt infers the schema and unpacks the nested lists into child tables (`documents__related`, `documents__topics`, …), so
there is no star schema yet and nothing is told apart by identity. It runs in an environment of its own, because its
pins on DuckDB are not ours; so this module imports nothing of the project.

    python dlt_pipeline.py SOURCE FILE
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import yaml

SUFFIXES = {".md", ".markdown", ".txt", ".yaml", ".yml"}


def documents(source: Path) -> Iterator[dict[str, Any]]:
    """Yield every document as YAML reads it, with its path."""
    for path in sorted(source.rglob("*")):
        if path.suffix in SUFFIXES and not path.name.startswith((".", "README.")):
            front = path.read_text(encoding="utf-8-sig").split("\n---", 1)[0].removeprefix("---")
            yield {"path": path.relative_to(source).as_posix(), **yaml.load(front, Loader=yaml.CSafeLoader)}


def load(source: Path, file: Path) -> dict[str, int]:
    """Load a folder into a new DuckDB file. Out: the counts of documents and mentions, as the tables hold them."""
    pipeline = dlt.pipeline(
        pipeline_name="news",
        pipelines_dir=str(file.with_suffix(".dlt")),
        destination=dlt.destinations.duckdb(str(file)),
        dataset_name="staging",
    )
    resource = dlt.resource(documents(source), name="documents", primary_key="path", write_disposition="replace")
    pipeline.run(resource)
    with pipeline.sql_client() as client:
        roots = client.execute_sql("select count(*) from documents")
        related = client.execute_sql("select count(*) from documents__related")
    return {"documents": int(roots[0][0]), "mentions": int(roots[0][0]) + int(related[0][0])}


if __name__ == "__main__":
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    sys.stdout.write(json.dumps(load(Path(sys.argv[1]), Path(sys.argv[2]))) + "\n")
