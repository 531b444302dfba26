"""Which engine reads the documents, and whether it is there; nothing of Dask is imported here."""

import re
from dataclasses import dataclass
from importlib.util import find_spec

from flows.settings import ENGINES
from schemas.errors import UsageError

LOCAL, DASK = ENGINES
PACKAGES = ("distributed", "prefect_dask")
# No user, path or query: Dask knows none of them, and an address stands in logs and in Prefect's page.
_ADDRESS = re.compile(r"(?:tcp|tls)://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class Engine:
    """What reads: `local`, or `dask` with the scheduler's address; without one, a cluster of the run's own."""

    name: str = LOCAL
    address: str = ""

    @property
    def is_dask(self) -> bool:
        """Tell whether Dask reads."""
        return self.name == DASK


def choose_engine(name: str, address: str) -> Engine:
    """Return the engine that the settings `engine` and `dask_address` name; an address alone means dask.

    Raises UsageError for an address that is none, or an extra that is not installed.
    """
    if name == LOCAL or not (name or address):
        return Engine()
    if address and not _ADDRESS.fullmatch(address):
        # Not shown: it may hold a password.
        raise UsageError("not the address of a Dask scheduler", todo="write tcp://HOST:PORT or tls://HOST:PORT")
    missing = [package for package in PACKAGES if find_spec(package) is None]
    if missing:
        todo = "install the extra: pip install 'newsmart[dask]'"
        raise UsageError("the engine dask is not installed", where=", ".join(missing), todo=todo)
    return Engine(DASK, address)
