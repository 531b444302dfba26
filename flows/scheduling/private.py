"""FILE.d/prefect: where Prefect keeps its database, and the key to the server that we start.

Other users of this machine are not trusted: the database holds logs, file names and parameters, and whoever may ask
the API may start runs. So the folder is 0700, and the key lies in it in a file of mode 0600. It reaches Prefect's
processes by their environment, never by a command line, which `ps` shows to all.

Prefect reads `.env`, `prefect.toml` and `pyproject.toml` of the current folder, which may be anybody's; its settings
name classes to load and servers to obey. So every process that imports Prefect does so in this folder.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex, token_urlsafe

from schemas.errors import LockedError, RunFailed
from warehouse.durable import open_regular, read_regular, try_lock, write_atomically
from warehouse.home import Home
from warehouse.owners import hand_over
from warehouse.refusals import refused

FOLDER = "prefect"
KEY_FILE = "key"
MAX_BYTES = 1000


def private_folder(home: Home) -> Path:
    """Return FILE.d/prefect, made, ours alone and no link. Raises RunFailed."""
    folder = home.folder / FOLDER
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not stat.S_ISDIR(os.lstat(folder).st_mode):
            raise RunFailed("Prefect's folder is a link", where=str(folder), todo="remove the link, and run again")
        os.chmod(folder, 0o700)
    except OSError as error:
        todo = "mend its owner or rights, or run with --direct"
        raise RunFailed("cannot make Prefect's folder", where=f"{folder}: {error.strerror}", todo=todo) from error
    hand_over_all(folder)
    return folder


def hand_over_all(folder: Path) -> None:
    """Give what root has made in Prefect's folder to the warehouse's user, whose later runs could not write it."""
    if os.geteuid() != 0 or folder.parent.stat().st_uid == 0:
        return
    for place, folders, files in os.walk(folder):
        for name in (".", *folders, *files):
            with suppress(OSError):
                number = os.open(Path(place) / name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    hand_over(number, folder.parent)
                finally:
                    os.close(number)


def key_in(folder: Path) -> str:
    """Return the server's key, `user:password` as Prefect wants it; a random one is made at first. Raises RunFailed."""
    return _read_or_make(folder, KEY_FILE, lambda: f"newsmart:{token_urlsafe(32)}")


def identity_in(folder: Path) -> str:
    """Return the warehouse's identity, made at first: on a shared server, another warehouse may have its path too."""
    return _read_or_make(folder, "identity", lambda: token_hex(4))


def known_key(home: Home) -> str | None:
    """Return the key of the server that serves the warehouse; None where this user may not read it."""
    try:
        return _read(home.folder / FOLDER, KEY_FILE) or None
    except (OSError, UnicodeError):
        return None


def _read_or_make(folder: Path, name: str, make: Callable[[], str]) -> str:
    path, text = folder / name, ""
    try:
        with suppress(FileNotFoundError):
            text = _read(folder, name)
        if not text:
            text = make()
            write_atomically(path, f"{text}\n".encode(), mode=0o600)
    except (OSError, UnicodeError) as error:
        raise RunFailed(f"cannot read the server's {name}", where=f"{path}: {error}", todo="remove the file") from error
    return text


def _read(folder: Path, name: str) -> str:
    return read_regular(folder, name, MAX_BYTES).decode().strip()


@contextmanager
def locked(path: Path, busy: Callable[[], LockedError]) -> Iterator[None]:
    """Hold a lock file for the block. Raises what `busy` returns where another holds it, RunFailed for no lock."""
    try:
        number = open_regular(path.parent, path.name, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise refused("cannot open the lock", path, error) from error
    with open(number, "rb"):
        if not try_lock(number):
            raise busy()
        yield
