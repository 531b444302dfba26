"""Turns a manifest of folders and as-ofs into runs, so that real history can be taken in, in order.

A manifest is a JSON list of {as_of, folder}. A folder is a URL, absolute, or relative to the manifest's folder or one
of the two above it, whichever is there. What the warehouse has already taken in is left out, so that a backfill that
was cut off goes on where it stopped.
"""

import json
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import duckdb

from flows.clock import parse_moment
from flows.engines.choice import choose_engine
from flows.runs.request import RunRequest
from flows.settings import Settings
from flows.sources.named import parse_sources
from flows.sources.scan import Source
from flows.sources.stores.address import is_url
from schemas.errors import UsageError
from warehouse.db import ledger_connection
from warehouse.home import Home
from warehouse.ledger.opening import last_as_of

DONE = ("published", "unchanged")


def plan(manifest: Path, name: str | None, warehouse: Path, settings: Settings) -> list[RunRequest]:
    """Return the runs still to do, by as-of, all under one source name. Raises UsageError for a bad manifest."""
    source = name or manifest.absolute().parent.name
    last = _last_run(warehouse)
    steps = sorted((parse_moment(str(step["as_of"])), _folder(manifest, step["folder"])) for step in _load(manifest))
    engine = choose_engine(settings.engine, settings.dask_address)
    return [
        RunRequest(
            (Source(source, folder),),
            warehouse,
            as_of=as_of,
            workers=settings.workers,
            engine=engine,
            settings=settings,
        )
        for as_of, folder in steps
        if _is_to_do(as_of, last)
    ]


def _load(manifest: Path) -> list[dict[str, str]]:
    try:
        steps = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError("the manifest cannot be read", where=f"{manifest}: {error}") from error
    if not isinstance(steps, list) or not all(
        isinstance(step, dict) and "as_of" in step and isinstance(step.get("folder"), str) for step in steps
    ):
        raise UsageError("a manifest is a JSON list of {as_of, folder}", where=str(manifest))
    return steps


def _folder(manifest: Path, folder: str) -> str:
    if is_url(folder):
        return parse_sources([folder])[0].root
    here = manifest.absolute().parent
    for base in (here, here.parent, here.parent.parent):
        if (base / folder).is_dir():
            return str(base / folder)
    raise UsageError("no such source folder", where=folder, todo=f"it is named in {manifest}")


def _last_run(warehouse: Path) -> tuple[datetime, str] | None:
    """Return the as-of and status of the last run, None before the first; from the ledger, which alone knows.

    A run that failed before it recorded anything leaves its error in state.json and nothing here.
    """
    home = Home.of(warehouse)
    if not home.ledger.is_file():
        return None
    # A ledger that was made and never filled has no tables yet.
    with ledger_connection(home.ledger, read_only=True) as connection, suppress(duckdb.CatalogException):
        return last_as_of(connection)
    return None


def _is_to_do(as_of: datetime, last: tuple[datetime, str] | None) -> bool:
    """Tell whether a step is later than the last run, or that run itself, where it was cut off, failed or refused."""
    return last is None or as_of > last[0] or (as_of == last[0] and last[1] not in DONE)
