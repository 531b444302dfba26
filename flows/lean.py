"""Hides what pyarrow would import, and nothing here needs.

pyarrow imports numpy, and with its first array pandas, where they are installed: up to a second, longer than all the
rest of a small run. A process that is ours alone hides both before pyarrow is imported. Never in a process that others
share (a Prefect worker, a notebook): there they may be wanted.
"""

import sys

HEAVY = ("numpy", "pandas")


def hide_heavy_modules() -> None:
    """Make later imports of numpy and pandas fail as if they were not installed; too late where pyarrow is there."""
    if "pyarrow" in sys.modules:
        return
    for name in HEAVY:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
