"""`newsmart report`: one HTML page about the current release."""

import argparse
from pathlib import Path

from flows.commands.common import say, warehouse_of
from flows.settings import load_settings
from schemas.errors import UsageError
from warehouse.home import Home
from warehouse.state import read_state


def report(options: argparse.Namespace) -> int:
    """Write the page and say where it is."""
    from warehouse.durable import check_place, write_atomically
    from warehouse.refusals import refused
    from warehouse.report import render

    home = Home.of(warehouse_of(options, load_settings()))
    if not home.file.exists():
        raise UsageError("there is no release yet", where=str(home.file), todo="run `newsmart run` first")
    target = home.file.with_suffix(".html") if options.to is None else Path(options.to)
    check_place(target.absolute())
    page = render(home.file, read_state(home))
    try:
        write_atomically(target.absolute(), page.encode())
    except OSError as error:
        raise refused("cannot write the report", target, error) from error
    say(options, str(target))
    return 0
