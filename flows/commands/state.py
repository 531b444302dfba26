"""`status`, `quarantine`, `drift` and `releases`: read from state.json alone, so that they never wait for a run.

Only `quarantine --notices` opens the release, which waits for nobody either.
"""

import argparse
import sys
from typing import Any

from flows.commands.common import print_json, print_records, say, warehouse_of
from flows.settings import load_settings
from schemas.errors import RunFailed, UsageError
from warehouse.clock import utc_now
from warehouse.home import Home
from warehouse.state import State, read_state

QUARANTINE = (
    *("source", "path", "line", "column", "field", "reason", "expected", "found"),
    *("first_seen_at", "last_seen_at"),
)


def _state(options: argparse.Namespace) -> tuple[Home, State]:
    home = Home.of(warehouse_of(options, load_settings()))
    state = read_state(home)
    if state is None:
        home.check()
        raise RunFailed("there is no warehouse yet", where=str(home.file), todo="run `newsmart run` first")
    return home, state


def status(options: argparse.Namespace) -> int:
    """Print the last run, the release and their ages. Exit 1 where one is older than its limit, or there is none."""
    from flows.commands.status import is_stale, parse_age, status_lines, status_object, status_prometheus

    settings = load_settings()
    limit = options.max_age or settings.max_age
    limits = {
        "release_age_seconds": parse_age(limit) if limit else None,
        "run_age_seconds": parse_age(options.max_run_age, "--max-run-age") if options.max_run_age else None,
    }
    home, state = _state(options)
    told = status_object(home, state, utc_now())
    form = "json" if options.json else options.format
    if form == "json":
        print_json(told)
    elif form == "prometheus":
        sys.stdout.write(status_prometheus(told))
    else:
        for line in status_lines(told):
            say(options, line)
    return int(any(oldest is not None and is_stale(told, oldest, of) for of, oldest in limits.items()))


def quarantine(options: argparse.Namespace) -> int:
    """Print the open problems, or the notices of the current release."""
    told = _notices(options) if options.notices else _state(options)[1].get("quarantine", [])
    rows = [{name: row.get(name) for name in QUARANTINE} for row in told]
    if options.json:
        print_json(rows)
    elif rows:
        for row in rows:
            say(options, _problem_line(row))
    else:
        say(options, "there are no notices" if options.notices else "nothing is in quarantine")
    return 0


def _notices(options: argparse.Namespace) -> list[dict[str, Any]]:
    from warehouse.queries.notices import read_notices

    home = Home.of(warehouse_of(options, load_settings()))
    if not home.file.exists():
        raise UsageError("there is no release yet", where=str(home.file), todo="run `newsmart run` first")
    return read_notices(home.file)


def _problem_line(row: dict[str, object]) -> str:
    place = "" if row["line"] is None else f":{row['line']}:{row['column']}"
    field = f" {row['field']}" if row["field"] else ""
    found = "" if row["found"] is None else f", found {row['found']!r}"
    line = f"{row['source']}/{row['path']}{place}{field}: {row['reason']}: expected {row['expected']}{found}"
    return f"{line} (since {row['first_seen_at']})"


def drift(options: argparse.Namespace) -> int:
    """Print the fields that newsmart does not know."""
    _, state = _state(options)
    rows = state.get("drift", [])
    if options.json:
        print_json(rows)
    elif rows:
        print_records(rows, ("field", "source", "path", "first_seen_at"))
    else:
        say(options, "no unknown field was met")
    return 0


def releases(options: argparse.Namespace) -> int:
    """Print the releases that are kept, the latest first."""
    from warehouse.release.told import pin_of

    home, state = _state(options)
    current, pinned = home.linked_release(), pin_of(home, state)
    rows = [
        {
            **{name: row[name] for name in row if name != "file"},
            "is_current": row["release_id"] == current,
            "is_pinned": row["release_id"] == pinned,
        }
        for row in state.get("releases", [])
        if home.release_file(str(row["release_id"])).is_file()
    ]
    if options.json:
        print_json(rows)
    elif rows:
        names = ("release_id", "as_of", "published_at", "documents", "articles", "mentions", "bytes", "is_current")
        print_records(rows, names)
    else:
        raise UsageError("there is no release yet", where=str(home.file), todo="run `newsmart run` first")
    return 0
