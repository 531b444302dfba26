"""What state.json and the current release say, for people and for their programs; no command here waits for a run.

`quarantine`, `drift` and `releases` are lists from state.json alone; `quarantine --notices`, `show`, `contract` and
`report` open the release.
"""

import argparse
import shutil
from pathlib import Path

from flows.commands import output
from flows.process import put
from schemas.errors import RunFailed
from warehouse.clock import parse_moment
from warehouse.home import Home
from warehouse.state import State, problem_line, read_state

PROBLEM_FIELDS = ("source", "path", "line", "column", "field", "reason", "expected", "found")


def read_known_state(options: argparse.Namespace) -> tuple[Home, State]:
    """Return the warehouse and its state.json. Raises RunFailed where no run has written one."""
    home = output.home_of(options)
    state = read_state(home)
    if state is None:
        home.check()
        raise RunFailed("there is no warehouse yet", where=str(home.file), todo="run `newsmart run` first")
    return home, state


def quarantine(options: argparse.Namespace) -> int:
    """Print the open problems, or the notices of the current release."""
    if options.notices:
        from warehouse.queries.lookup import read_notices

        found, none = read_notices(output.home_of(options)), "there are no notices"
    else:
        found, none = read_known_state(options)[1].get("quarantine", []), "nothing is in quarantine"
    rows = [{name: row.get(name) for name in (*PROBLEM_FIELDS, "first_seen_at", "last_seen_at")} for row in found]
    lines = [f"{problem_line(row)} (since {row['first_seen_at']})" for row in rows]
    return output.print_result(options, rows, lines or [none])


def drift(options: argparse.Namespace) -> int:
    """Print the fields that newsmart does not know."""
    rows = read_known_state(options)[1].get("drift", [])
    if not (options.json or rows):
        output.say(options, "no unknown field was met")
        return 0
    return output.print_rows(options, rows, ("field", "source", "path", "first_seen_at"))


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
        raise home.no_release()
    names = ("release_id", "as_of", "published_at", "documents", "articles", "mentions", "bytes", "is_current")
    return output.print_rows(options, rows, names)


def show(options: argparse.Namespace) -> int:
    """Print all that the current release knows of a URL or a path. Raises RunFailed where it knows nothing."""
    from warehouse.queries.show import show as read
    from warehouse.queries.show_text import show_lines

    home = output.home_of(options)
    found = read(home, options.name, None if options.as_of is None else parse_moment(options.as_of))
    if options.versions:
        from warehouse.lock import hold
        from warehouse.queries.versions import add_versions

        with hold(home):
            found = add_versions(home, found)
    if options.json:
        output.print_json(found)
    else:
        lines = show_lines(found, shutil.get_terminal_size((100, 24)).columns)
        output.page("".join(f"{line}\n" for line in lines), is_paged=not options.no_pager)
    return 0


def contract(options: argparse.Namespace) -> int:
    """Print the contract of the current release; where it has none, that of the next one, with a warning."""
    from warehouse.contract import render_contract
    from warehouse.db import release_connection
    from warehouse.export.contents import read_contents

    home = output.home_of(options)
    home.check()
    text = None
    if home.file.exists():
        with release_connection(home.file, sandboxed=True, spill_parent=home.temp) as connection:
            text = read_contents(connection).contract
        if text is None and not options.quiet:
            output.warn("the current release has no contract; this is that of the next one")
    put(render_contract() if text is None else text)
    return 0


def report(options: argparse.Namespace) -> int:
    """Write the page, and print where it is."""
    from warehouse.durable import check_place, write_atomically
    from warehouse.refusals import refusing
    from warehouse.report import render

    home = output.released_home(options)
    target = home.file.with_suffix(".html") if options.to is None else Path(options.to)
    home.check_outside(target)
    check_place(target.absolute())
    html = render(home.file, read_state(home))
    with refusing("cannot write the report", target):
        write_atomically(target.absolute(), html.encode())
    output.say(options, str(target))
    return 0
