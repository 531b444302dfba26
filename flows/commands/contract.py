"""`newsmart contract`: what consumers of the tables may rely on, as Open Data Contract Standard YAML."""

import argparse
import sys

from flows.commands.common import warehouse_of, warn
from flows.settings import load_settings
from warehouse.home import Home


def contract(options: argparse.Namespace) -> int:
    """Print the contract of the current release; where there is none yet, that of the next one.

    A release from before there were contracts has none, and then the next one's is printed with a warning.
    """
    from warehouse.contract import render_contract

    home = Home.of(warehouse_of(options, load_settings()))
    home.check()
    told = _of_release(home) if home.file.exists() else None
    if told is None and home.file.exists() and not options.quiet:
        warn("the current release has no contract; this is that of the next one")
    sys.stdout.write(render_contract() if told is None else told)
    return 0


def _of_release(home: Home) -> str | None:
    from warehouse.db import release_connection
    from warehouse.export.contents import read_contents

    with release_connection(home.file, sandboxed=True, spill_parent=home.temp) as connection:
        return read_contents(connection).contract
