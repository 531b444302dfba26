"""What a worker of a run's own cluster loads first (Dask calls it a preload). Never for a worker that others share.

These processes are ours alone: pandas, which pyarrow would import with its first array, is hidden (it takes longer than
all the rest), what the first document would wait for is loaded, and DuckDB's binding, which Prefect's context brings
in with the flow, is kept from writing about leaks when they end. `flows.startup` comes too late here: Dask has numpy
loaded by now, and with it pyarrow takes a None in sys.modules for pandas itself.
"""

import atexit
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

from flows.streams import close_stderr


class _NoPandas(MetaPathFinder):
    """Makes an import of pandas fail as if it were not installed."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("hidden", name=fullname)


sys.meta_path.insert(0, _NoPandas())

from flows.reading.read import warm_up  # noqa: E402

atexit.register(close_stderr)
warm_up()
