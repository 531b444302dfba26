"""Places at which a run can be made to die, for the crash proof.

"No crash costs a row" is worth what its proof covers, so each edge of a run has a name, and the proof kills a run at
every one of them. SIGKILL, not an exception: no handler, no `finally` and no flush may run, as when the power goes.

Which edge is armed is a value that a run carries from its settings, held in a context variable: a module-level
variable would be shared state, and reading the environment here would give it a second reader.
"""

import os
import signal
from contextvars import ContextVar

from schemas.errors import UsageError

EDGES = (
    "after_lock",
    "after_clean",
    "after_scan",
    "after_read",
    "before_record",
    "during_record",
    "after_record",
    "before_build",
    "during_build",
    "after_build",
    "after_audit",
    "before_publish",
    "after_seal",
    "after_rename",
    "after_link",
    "after_flip",
    "after_publish",
    "before_state",
    "after_state",
    "after_prune",
)

_armed: ContextVar[str] = ContextVar("armed_fault", default="")


def set_fault(name: str) -> None:
    """Arm one edge for this context; the empty string disarms. Raises UsageError for a name that no edge has."""
    if name and name not in EDGES:
        raise UsageError("no such fault point", where=name, todo="one of " + ", ".join(EDGES))
    _armed.set(name)


def at(name: str) -> None:
    """Mark an edge: do nothing, or, where it is armed, kill this process with SIGKILL.

    Raises LookupError for a name that EDGES lacks, so that the proof can never miss an edge.
    """
    if name not in EDGES:
        raise LookupError(name)
    if _armed.get() == name:
        os.kill(os.getpid(), signal.SIGKILL)
