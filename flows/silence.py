"""The last thing a process does where Prefect and DuckDB share it: close stderr."""

import os

from flows.streams import settle


def be_silent() -> None:
    """Close stderr at the very end, after all that Prefect does there, as it is registered before Prefect is imported.

    Prefect's daemon threads outlive the interpreter's clean-up, so that DuckDB's binding (nanobind) believes its types
    leaked and writes forty lines about it. No way is known to stop the threads or to ask the binding for silence.
    """
    settle()
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)
