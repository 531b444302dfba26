"""The program `newsmart`: puts PYTHONPATH behind what is installed, then calls the command line.

Our packages are called flows, schemas and warehouse, and so may a user's be. PYTHONPATH comes before the standard
library and site-packages, so that with `PYTHONPATH=.` an entry point would run the user's `flows/`, and any of our
imports their `yaml.py`. So PYTHONPATH goes last; what only it has is still found.

An installation has this module beside our packages and not in them, where the entry point finds it; so none of our
modules may import it. pip makes no script of ours executable, nor one that works in a folder with spaces.
"""

import os
import sys


def put_pythonpath_last() -> None:
    """Move what stands before the standard library on the module path, script folder and PYTHONPATH, to its end."""
    library = os.path.dirname(os.__file__)
    if library in sys.path:
        place = sys.path.index(library)
        sys.path[:] = sys.path[place:] + sys.path[:place]


def main() -> int:
    """Run the command line, and return its exit status."""
    put_pythonpath_last()

    from flows.cli import main as command_line

    return command_line()
