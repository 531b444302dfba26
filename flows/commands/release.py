"""`show`, `contract` and `report`: what the current release says, for people and for its consumers."""

import argparse
import shutil
from pathlib import Path

from flows.commands.output import home_of, page, print_json, released_home, say, warn
from flows.process import put
from warehouse.clock import parse_moment
from warehouse.state import read_state


def show(options: argparse.Namespace) -> int:
    """Print all that the current release knows of a URL or a path. Raises RunFailed where it knows nothing."""
    from warehouse.queries.show import show as read
    from warehouse.queries.show_text import show_lines

    home = home_of(options)
    found = read(home, options.name, None if options.as_of is None else parse_moment(options.as_of))
    if options.versions:
        from warehouse.lock import hold
        from warehouse.queries.versions import add_versions

        with hold(home):
            found = add_versions(home, found)
    if options.json:
        print_json(found)
    else:
        lines = show_lines(found, shutil.get_terminal_size((100, 24)).columns)
        page("".join(f"{line}\n" for line in lines), is_paged=not options.no_pager)
    return 0


def contract(options: argparse.Namespace) -> int:
    """Print the contract of the current release; where it has none, that of the next one, with a warning."""
    from warehouse.contract import render_contract
    from warehouse.db import release_connection
    from warehouse.export.contents import read_contents

    home = home_of(options)
    home.check()
    text = None
    if home.file.exists():
        with release_connection(home.file, sandboxed=True, spill_parent=home.temp) as connection:
            text = read_contents(connection).contract
        if text is None and not options.quiet:
            warn("the current release has no contract; this is that of the next one")
    put(render_contract() if text is None else text)
    return 0


def report(options: argparse.Namespace) -> int:
    """Write the page, and print where it is."""
    from warehouse.durable import check_place, write_atomically
    from warehouse.refusals import refused
    from warehouse.report import render

    home = released_home(options)
    target = home.file.with_suffix(".html") if options.to is None else Path(options.to)
    check_place(target.absolute())
    html = render(home.file, read_state(home))
    try:
        write_atomically(target.absolute(), html.encode())
    except OSError as error:
        raise refused("cannot write the report", target, error) from error
    say(options, str(target))
    return 0
