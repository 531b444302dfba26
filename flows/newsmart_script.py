"""The program `newsmart`: makes sure that our own packages are imported, then calls the command line.

Our packages are called flows, schemas and warehouse, and so may a user's be. PYTHONPATH comes before the standard
library and site-packages, so that with `PYTHONPATH=.` an entry point would run the user's `flows/`, and any of our
imports their `yaml.py`. So PYTHONPATH goes last; what only it has is still found. `python -m flows.cli` has the current
folder first instead, and checks. An installation has this module beside our packages, where the entry point finds it:
pip makes no script of ours executable, nor one that works in a folder with spaces.
"""

import os
import sys
from importlib.util import find_spec


def put_pythonpath_last() -> None:
    """Move what stands before the standard library on the module path, script folder and PYTHONPATH, to its end."""
    library = os.path.dirname(os.__file__)
    if library in sys.path:
        place = sys.path.index(library)
        sys.path[:] = sys.path[place:] + sys.path[:place]


def check_packages(root: str) -> None:
    """End with exit status 2 and one line where a package of ours would come from another folder than `root`."""
    for name in ("schemas", "warehouse"):
        expected, spec = os.path.join(root, name), find_spec(name)
        places = [] if spec is None else [*(spec.submodule_search_locations or [spec.origin or ""])]
        found = os.path.realpath(places[0]) if places else "nowhere"
        if found != expected:
            sys.stderr.write(
                f"newsmart: the package {name} would come from {found}, not from {expected} "
                "(leave that folder, or take it out of PYTHONPATH)\n"
            )
            raise SystemExit(2)


def main() -> int:
    """Run the command line, and return its exit status."""
    put_pythonpath_last()

    from flows.cli import main as command_line

    return command_line()
