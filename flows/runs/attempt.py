"""An attempt at a run: whatever ends it is told, also where the run itself has not begun.

Asked for is each run that a command, a schedule or a manifest's step asks of a warehouse, and each start of `serve`,
once its options could be read: a source that is not there, an as-of that is refused, a setting that does not fit, a
server that does not answer are failed runs for whoever watches the warehouse. Not asked for is what argparse refuses,
and a manifest that cannot be taken in: those are told to the one who typed them, before anything is written.

Told is state.json, from which `status` and its metrics come, and the user's hooks. state.json is left alone where the
warehouse is not there yet (a wrong first command makes no folders), where another run holds the lock (it tells its own
end, and an attempt that met it is exit 3), and where it was written since the attempt began: by the run itself, which
knows more, or by a later one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from flows.clock import utc_now
from flows.runs.state import tell_without_ledger
from schemas.errors import LockedError, NewsmartError
from warehouse.home import Home
from warehouse.lock import hold

TellHooks = Callable[[Exception], None]


@contextmanager
def attempt(warehouse: Path, tell_hooks: TellHooks = lambda error: None) -> Iterator[None]:
    """Tell an error that ends the block in state.json, where nobody has, and to the hooks; raise it again.

    Raises UsageError where the warehouse has no name.
    """
    home, began_at = Home.of(warehouse), utc_now()
    before = _mark(home)
    try:
        yield
    except Exception as error:
        if not isinstance(error, LockedError):
            with suppress(NewsmartError, OSError):
                _tell(home, before, began_at, error)
        tell_hooks(error)
        raise


def _tell(home: Home, before: tuple[int, int] | None, began_at: datetime, error: Exception) -> None:
    """Tell it in state.json. Raises NewsmartError where that cannot be, as while a run holds the warehouse."""
    if not (home.ledger.exists() or home.state.exists()):
        return
    with hold(home):
        if _mark(home) == before:
            tell_without_ledger(home, None, None, began_at, error)


def _mark(home: Home) -> tuple[int, int] | None:
    """Return what tells one state.json from the next, each of which is a new file; None where there is none."""
    try:
        status = home.state.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
