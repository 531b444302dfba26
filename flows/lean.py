"""Hides what libraries would import, and nothing here needs.

pyarrow imports numpy, and with its first array pandas, where they are installed: up to a second, longer than all the
rest of a small run. tldextract imports an HTTP client to fetch newer lists and file locks to keep them, which is all
switched off here; importing them takes as long as everything else that reading needs. A process that is ours alone
hides them before. Never in a process that others share (a Prefect worker, a notebook): there they may be wanted.
"""

import sys
from contextlib import suppress
from types import ModuleType, SimpleNamespace

HEAVY = ("numpy", "pandas")
# What a process sets for its own libraries, that Pydantic does not look through all that is installed for plugins, and
# that Arrow takes its memory from the system. Programs of the user's are started without.
OWN_ENVIRONMENT = {"PYDANTIC_DISABLE_PLUGINS": "__all__", "ARROW_DEFAULT_MEMORY_POOL": "system"}
_M_MMAP_THRESHOLD = -3  # malloc.h
_LARGE_BYTES = 400_000


def import_less() -> None:
    """Make this process import and allocate no more than its work needs; it must be ours alone."""
    use_system_allocator()
    skip_plugins()
    hide_heavy_modules()
    hide_downloads()


def skip_plugins() -> None:
    """Keep Pydantic from looking through all that is installed for plugins."""
    _set("PYDANTIC_DISABLE_PLUGINS")


def _set(name: str) -> None:
    # Not at the top: every command, `--help` too, imports this module.
    from flows.settings import process_environment

    process_environment()[name] = OWN_ENVIRONMENT[name]


def hide_heavy_modules() -> None:
    """Make later imports of numpy and pandas fail as if they were not installed; too late where pyarrow is there."""
    if "pyarrow" in sys.modules:
        return
    for name in HEAVY:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]


def use_system_allocator() -> None:
    """Let Arrow take its memory from the system, and have large blocks given back; too late where pyarrow is there.

    jemalloc, Arrow's own choice, runs a thread, which a process that forks must not have. glibc keeps blocks of up to
    32 MB once it has seen them freed, unless the limit is set; with it, all processes together took an eighth less
    (measured).
    """
    # Not at the top: every command, `--help` too, imports this module.
    import ctypes

    _set("ARROW_DEFAULT_MEMORY_POOL")
    with suppress(OSError, AttributeError):  # no glibc: another allocator, with other ways
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


class NoSession:
    """Stands for an HTTP client's session; it can be made, as tldextract does, and asked nothing."""

    def mount(self, prefix: str, adapter: object) -> None:
        """Take an adapter that will never be used."""

    def close(self) -> None:
        """Close nothing."""


class NoLock:
    """Stands for a lock on a file of a cache that is not kept."""


def hide_downloads() -> None:
    """Put stand-ins, which can fetch and keep nothing, in the place of what tldextract imports for its downloads."""
    client: dict[str, object] = {"Session": NoSession, "exceptions": SimpleNamespace(RequestException=OSError)}
    stands: dict[str, dict[str, object]] = {
        "requests": client,
        "requests_file": {"FileAdapter": object},
        "filelock": {"FileLock": NoLock},
    }
    for name, content in stands.items():
        if name not in sys.modules:
            sys.modules[name] = ModuleType(name)
            vars(sys.modules[name]).update(content)
