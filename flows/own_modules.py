"""Looks from where our packages would be imported, before any of them is.

`python -m flows.cli` has the current folder first on the module path, and so has PYTHONPATH what it names: a user's own
`schemas/` would be run in the place of ours. (The program `newsmart` puts those last: newsmart_script.py.)
"""

import sys
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("schemas", "warehouse")


def check_own_modules() -> None:
    """End with exit status 2 and one line where a package of ours would come from another folder than this one."""
    root = Path(__file__).resolve().parents[1]
    for name in PACKAGES:
        found = _folder_of(name)
        if found != root / name:
            where = "nowhere" if found is None else str(found)
            sys.stderr.write(
                f"newsmart: the package {name} would come from {where}, not from {root / name} "
                "(leave that folder, or take it out of PYTHONPATH)\n"
            )
            raise SystemExit(2)


def _folder_of(name: str) -> Path | None:
    spec = find_spec(name)
    places = [] if spec is None else [*(spec.submodule_search_locations or ()), spec.origin]
    return Path(places[0]).resolve() if places and places[0] else None
