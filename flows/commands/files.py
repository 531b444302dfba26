"""`backup`, `restore` and `doctor`: the warehouse as files."""

import argparse
from dataclasses import asdict
from pathlib import Path

from flows.commands.common import print_json, say, warehouse_of
from flows.settings import load_settings
from warehouse.home import Home


def _home(options: argparse.Namespace) -> Home:
    return Home.of(warehouse_of(options, load_settings()))


def backup(options: argparse.Namespace) -> int:
    """Copy the warehouse."""
    from warehouse.upkeep.backup import backup as make

    made = make(_home(options), Path(options.to), wait_seconds=options.wait)
    say(options, f"backed up {made.total_bytes:,} bytes to {options.to}")
    return 0


def restore(options: argparse.Namespace) -> int:
    """Put a backup in the warehouse's place."""
    from warehouse.upkeep.backup import restore as put_back

    home = _home(options)
    made = put_back(Path(options.origin), home, force=options.force)
    say(options, f"restored {made.total_bytes:,} bytes to {home.file}")
    return 0


def doctor(options: argparse.Namespace) -> int:
    """Print findings; exit 1 where one is bad."""
    from warehouse.release.untouched import recorded
    from warehouse.upkeep.doctor import clean, examine

    home = _home(options)
    if options.clean:
        for path in clean(home):
            say(options, f"removed {path}")
    findings = examine(home, recorded(home))
    if options.json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            say(options, f"{finding.status:5} {finding.name}: {finding.text}")
    return 1 if any(finding.status == "bad" for finding in findings) else 0
