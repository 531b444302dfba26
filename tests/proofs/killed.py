"""A run that dies at one edge of its way: python -m tests.proofs.killed EDGE ARGUMENTS… runs a command that does.

"No crash costs a row" is worth what its proof covers, so each edge of a run has a name, and the proof kills a run at
every one of them. SIGKILL, not an exception: no handler, no `finally` and no flush may run, as when the power goes. An
edge is the beginning or the end of a function's first call. The function is wrapped here, in the process that is to
die, so the product holds nothing for the proof.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from functools import reduce
from importlib import import_module
from typing import Any, Literal

# In the order in which a run passes them.
EDGES: Mapping[str, tuple[Literal["before", "after"], str, str]] = {
    "after_lock": ("before", "warehouse.release.publish", "clean"),
    "after_clean": ("after", "warehouse.release.publish", "clean"),
    "after_scan": ("before", "warehouse.ledger.record", "compare"),
    "after_read": ("before", "warehouse.ledger.intake", "take_in"),
    "before_record": ("before", "warehouse.ledger.record", "append_events"),
    "during_record": ("after", "warehouse.release.runs", "write_run"),
    "after_record": ("before", "warehouse.release.why_build", "why_build"),
    "before_build": ("before", "warehouse.release.making", "Making.deduplicate"),
    "during_build": ("after", "warehouse.release.build", "write_what_it_is"),
    "after_build": ("before", "warehouse.release.making", "Making.audit"),
    "after_audit": ("after", "warehouse.release.making", "Making.audit"),
    "before_publish": ("before", "warehouse.release.publish", "publish"),
    "after_seal": ("after", "warehouse.release.publish", "seal"),
    "after_rename": ("before", "warehouse.release.publish", "flip"),
    "after_link": ("after", "warehouse.owners", "hand_over_link"),
    "after_flip": ("after", "warehouse.release.publish", "flip"),
    "after_publish": ("after", "warehouse.release.publish", "publish"),
    "before_state": ("before", "warehouse.state", "write_state"),
    "after_state": ("after", "warehouse.state", "write_state"),
    "after_prune": ("after", "warehouse.release.publish", "prune"),
}
# Those that only a release passes that is made from the one before it.
INCREMENTAL_EDGES: Mapping[str, tuple[Literal["before", "after"], str, str]] = {
    "during_copy": ("after", "warehouse.release.increment", "make_rows"),
    "before_rows": ("before", "warehouse.release.increment", "write_rows"),
    "after_rows": ("after", "warehouse.release.increment", "write_rows"),
}


def arm(edge: str) -> None:
    """Let this process die at an edge. Raises KeyError or AttributeError where there is no such edge or function."""
    when, module, path = {**EDGES, **INCREMENTAL_EDGES}[edge]
    *owners, name = path.split(".")
    owner = reduce(getattr, owners, import_module(module))
    original: Callable[..., Any] = getattr(owner, name)
    for holder in (owner, *sys.modules.values()):
        if getattr(holder, name, None) is original:
            setattr(holder, name, _deadly(original, when))


def _deadly(call: Callable[..., Any], when: str) -> Callable[..., Any]:
    def dying(*arguments: Any, **named: Any) -> None:
        if when == "after":
            call(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    return dying


if __name__ == "__main__":
    arm(sys.argv[1])
    from flows.cli import main

    sys.exit(main(sys.argv[2:]))
