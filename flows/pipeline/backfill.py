"""Turns a manifest of folders and as-ofs into runs, so that real history can be taken in, in order.

A manifest is a JSON list of {as_of, folder}. A folder is a URL, absolute, or relative to the manifest's folder or one
of the two above it, whichever is there. What the warehouse has already recorded is left out and listed, so a backfill
that was cut off goes on where it stopped. An as-of that was not recorded and lies before the last run is an error
before anything is written: nobody would notice that "nothing to do" was wrong.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from flows.pipeline.request import RunRequest, request_of
from flows.settings import Settings
from flows.sources.scan import Source, parse_sources
from flows.sources.stores.address import is_url
from schemas.errors import UsageError
from warehouse.clock import as_text, parse_moment, utc_now
from warehouse.home import Home
from warehouse.release.runs import A_DAY, recorded_runs

DONE = ("published", "unchanged")

Step = tuple[datetime, str]


def plan(
    manifest: Path, name: str | None, warehouse: Path, settings: Settings, *, allow_shrink: bool = False
) -> tuple[list[RunRequest], list[Step]]:
    """Return the runs still to do, and the as-ofs that are recorded already with the status of their runs, by as-of.

    All runs have one source name and the same limits. Raises UsageError for a bad manifest, and for an as-of that was
    not recorded and cannot be any more.
    """
    source = name or manifest.absolute().parent.name
    steps = sorted((parse_moment(str(step["as_of"])), _folder(manifest, step["folder"])) for step in _load(manifest))
    known = recorded_runs(Home.of(warehouse))
    _check(steps, known, manifest)
    request = request_of(settings, (Source(source, ""),), warehouse=str(warehouse), allow_shrink=allow_shrink)
    requests = [replace(request, sources=(Source(source, folder),), as_of=as_of) for as_of, folder in steps]
    # The last run is done again where it was cut off, failed or refused.
    last = max(known, default=None)
    recorded = {as_of: known[as_of] for as_of, _ in steps if as_of in known and (as_of != last or known[as_of] in DONE)}
    return [one for one in requests if one.as_of not in recorded], [*recorded.items()]


def _check(steps: Sequence[Step], known: Mapping[datetime, str], manifest: Path) -> None:
    moments = [as_of for as_of, _ in steps]
    twice = [as_of for as_of, following in pairwise(moments) if as_of == following]
    if twice:
        raise UsageError("a manifest names an as-of twice", where=f"{_first_few(twice)} in {manifest}")
    ahead = [as_of for as_of in moments if as_of - utc_now() > A_DAY]
    if ahead:
        raise UsageError("an as-of is more than a day ahead", where=f"{_first_few(ahead)} in {manifest}")
    last = max(known, default=None)
    late = [as_of for as_of in moments if last is not None and as_of < last and as_of not in known]
    if late:
        todo = "history is taken in in order: leave them out, or backfill into a new --warehouse"
        where = f"{_first_few(late)} in {manifest}, the last run is as of {as_text(last)}"
        raise UsageError("as-ofs lie before the last run and were never taken in", where=where, todo=todo)


def _first_few(moments: Sequence[datetime]) -> str:
    shown = ", ".join(str(as_text(moment)) for moment in moments[:3])
    return shown if len(moments) <= 3 else f"{shown} and {len(moments) - 3:,} more"


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
