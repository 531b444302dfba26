"""What is told, and kept, where a whole build was other than the releases that were made one from the other.

Then one of the two is wrong: a fault of newsmart's, or somebody has written into a release. The whole build is what
readers get. The other file is kept for whoever looks into it, beside a note that `status` and `doctor` tell until a
`verify` finds the release equal to its ledger. A backup leaves both out; `maintain` and takedowns remove the file.
"""

import json
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from warehouse.clock import as_text
from warehouse.durable import read_regular, write_atomically
from warehouse.home import Home
from warehouse.owners import PRIVATE_MODE

NOTE = "note.json"
MAX_BYTES = 100_000


def keep(home: Home, file: Path, release_id: str, tables: Sequence[str], now: datetime) -> None:
    """Keep the file that is other than a whole build, in the place of one kept before, and note it. Raises OSError."""
    folder = home.differing
    folder.mkdir(mode=0o700, exist_ok=True)
    empty(home)
    os.replace(file, folder / f"{release_id}.duckdb")
    note = {"release_id": release_id, "tables": list(tables), "found_at": as_text(now)}
    write_atomically(folder / NOTE, json.dumps(note).encode() + b"\n", mode=PRIVATE_MODE)


def told(home: Home) -> str | None:
    """Return what has to be told of it, in one line; None where there is nothing."""
    try:
        note = json.loads(read_regular(home.folder, f"{home.differing.name}/{NOTE}", MAX_BYTES))
        when, tables = str(note["found_at"]), ", ".join(map(str, note["tables"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        when, tables = "some time", "the note of it is damaged"
    return f"a whole build of {when} was other than the releases before gave: {tables}; check with `newsmart verify`"


def empty(home: Home) -> None:
    """Remove the file; the note stays."""
    for file in home.differing.glob("*.duckdb"):
        with suppress(OSError):
            file.unlink()


def forget(home: Home) -> None:
    """Remove the file and the note."""
    shutil.rmtree(home.differing, ignore_errors=True)
