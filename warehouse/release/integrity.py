"""Whether a release is still what was published, before a copy of it leaves the warehouse.

A reader of a tampered release can be told by the doctor and is helped by the next run; whoever gets a copy has neither.
Exports ask state.json, as the ledger may be held by a run; backups ask the ledger that they have copied.
"""

from collections.abc import Mapping

import duckdb

from schemas.errors import NewsmartError, RunFailed
from warehouse.home import Home
from warehouse.release import publish
from warehouse.release.publish import Fingerprint
from warehouse.state import read_state

WAY_OUT = "`newsmart run` replaces it"


def recorded(home: Home) -> dict[str, Fingerprint] | None:
    """Return what state.json says of the releases' files, by release id; None where it cannot be read."""
    try:
        state = read_state(home)
    except NewsmartError:
        return None
    rows = [] if state is None else state.get("releases", [])
    return {str(row["release_id"]): Fingerprint(**row["file"]) for row in rows if "file" in row}


def check_current(home: Home) -> None:
    """Raise RunFailed where FILE shows a release whose bytes are not those recorded; one without a record passes."""
    release_id = publish.current(home)
    file = None if release_id is None else (recorded(home) or {}).get(release_id)
    if release_id is not None and file is not None:
        path = home.release_file(release_id)
        if not publish.is_untouched(path, file):
            raise RunFailed("the release is not as it was published", where=str(path), todo=WAY_OUT)


def check_copies(connection: duckdb.DuckDBPyConnection, copied: Mapping[str, str], todo: str = WAY_OUT) -> None:
    """Raise RunFailed where a copied release is not the one that the ledger knows.

    In: the ledger; the SHA-256 of each copied release by its id; what helps. One that the ledger does not know passes.
    """
    known = dict(connection.execute("select release_id, sha256 from ledger.release").fetchall())
    wrong = sorted(name for name, digest in copied.items() if known.get(name, digest) != digest)
    if wrong:
        raise RunFailed("a release is not as it was published", where=", ".join(wrong), todo=todo)
