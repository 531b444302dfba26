"""What commands share: the warehouse meant, and printing."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flows.settings import Settings
from flows.streams import complain, put
from schemas.text import printable


def warehouse_of(options: argparse.Namespace, settings: Settings) -> Path:
    """Return the warehouse's file: the option's, else the setting's."""
    return Path(options.warehouse or settings.warehouse)


def print_json(value: object) -> None:
    """Print one JSON value on one line."""
    put(json.dumps(value, ensure_ascii=False, default=str) + "\n")


def say(options: argparse.Namespace, line: str) -> None:
    """Print a line of result, unless --quiet asks for silence; what it quotes neither forges a line nor steers."""
    if not options.quiet:
        put(printable(line) + "\n")


def warn(line: str) -> None:
    """Print a line on stderr; what it quotes of names and links can neither forge a line nor steer the terminal."""
    complain(f"newsmart: {printable(line)}\n")


def print_records(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    """Print rows as aligned text; control characters in data are shown, not obeyed."""
    from warehouse.queries.render import write_table

    values = [tuple(row.get(name) for name in names) for row in rows]
    types = [
        "BIGINT" if all(isinstance(value[i], int | None) for value in values) else "VARCHAR" for i in range(len(names))
    ]
    write_table(names, types, values, sys.stdout)
