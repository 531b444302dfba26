"""`quarantine`, `drift` and `releases`: lists from state.json alone, so that they never wait for a run.

Only `quarantine --notices` opens the release, which waits for nobody either.
"""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from flows.commands.output import home_of, no_release, print_json, print_records, released_home, say
from schemas.errors import RunFailed
from warehouse.home import Home
from warehouse.state import State, problem_line, read_state

PROBLEM_FIELDS = ("source", "path", "line", "column", "field", "reason", "expected", "found")


def read_known_state(options: argparse.Namespace) -> tuple[Home, State]:
    """Return the warehouse and its state.json. Raises RunFailed where no run has written one."""
    home = home_of(options)
    state = read_state(home)
    if state is None:
        home.check()
        raise RunFailed("there is no warehouse yet", where=str(home.file), todo="run `newsmart run` first")
    return home, state


def quarantine(options: argparse.Namespace) -> int:
    """Print the open problems, or the notices of the current release."""
    found = _notices(options) if options.notices else read_known_state(options)[1].get("quarantine", [])
    rows = [{name: row.get(name) for name in (*PROBLEM_FIELDS, "first_seen_at", "last_seen_at")} for row in found]
    if options.json:
        print_json(rows)
    elif rows:
        say(options, *(f"{problem_line(row)} (since {row['first_seen_at']})" for row in rows))
    else:
        say(options, "there are no notices" if options.notices else "nothing is in quarantine")
    return 0


def _notices(options: argparse.Namespace) -> list[dict[str, Any]]:
    from warehouse.queries.lookup import read_notices

    return read_notices(released_home(options))


def drift(options: argparse.Namespace) -> int:
    """Print the fields that newsmart does not know."""
    rows = read_known_state(options)[1].get("drift", [])
    if not (options.json or rows):
        say(options, "no unknown field was met")
        return 0
    return _print_list(options, rows, ("field", "source", "path", "first_seen_at"))


def releases(options: argparse.Namespace) -> int:
    """Print the releases that are kept, the latest first."""
    from warehouse.release.freshness import pin_of

    home, state = read_known_state(options)
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
    if not (options.json or rows):
        raise no_release(home)
    names = ("release_id", "as_of", "published_at", "documents", "articles", "mentions", "bytes", "is_current")
    return _print_list(options, rows, names)


def _print_list(options: argparse.Namespace, rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> int:
    if options.json:
        print_json(rows)
    else:
        print_records(rows, names)
    return 0
