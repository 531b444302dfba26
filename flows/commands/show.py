"""`newsmart show`: one article or one document, as people read it."""

import argparse
import shutil

from flows.commands.common import print_json, warehouse_of
from flows.commands.paging import print_lines
from flows.settings import load_settings
from warehouse.clock import parse_moment
from warehouse.home import Home


def show(options: argparse.Namespace) -> int:
    """Print what the current release knows of a URL or a path; exit 1 where it knows nothing."""
    from warehouse.queries.show import show as read
    from warehouse.queries.show_text import show_lines

    as_of = None if options.as_of is None else parse_moment(options.as_of)
    home = Home.of(warehouse_of(options, load_settings()))
    told = read(home, options.name, as_of)
    if options.versions:
        from warehouse.lock import hold
        from warehouse.queries.versions import add_versions

        with hold(home):
            told = add_versions(home, told)
    if options.json:
        print_json(told)
    else:
        print_lines(show_lines(told, shutil.get_terminal_size((100, 24)).columns), is_paged=not options.no_pager)
    return 0
