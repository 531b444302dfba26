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
from warehouse.durable import try_lock
from warehouse.home import Home
from warehouse.owners import hand_over
from warehouse.refusals import refused

FOLDER = "prefect"
KEY_FILE = "key"
MAX_CHARS = 1000
OPEN_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC


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
                _hand_over(Path(place) / name, folder.parent)


def _hand_over(path: Path, like: Path) -> None:
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | OPEN_FLAGS)
    try:
        hand_over(number, like)
    finally:
        os.close(number)


def key_in(folder: Path) -> str:
    """Return the server's key, `user:password` as Prefect wants it; a random one is made at first. Raises RunFailed."""
    return _read_or_make(folder / KEY_FILE, lambda: f"newsmart:{token_urlsafe(32)}")


def identity_in(folder: Path) -> str:
    """Return the warehouse's identity, made at first: on a shared server, another warehouse may have its path too."""
    return _read_or_make(folder / "identity", lambda: token_hex(4))


def known_key(home: Home) -> str | None:
    """Return the key of the server that serves the warehouse; None where this user may not read it."""
    try:
        return _read(home.folder / FOLDER / KEY_FILE) or None
    except (OSError, UnicodeError):
        return None


def _read_or_make(path: Path, make: Callable[[], str]) -> str:
    try:
        text = _read(path) if path.is_symlink() or path.exists() else ""
        if not text:
            text = make()
            path.unlink(missing_ok=True)
            number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | OPEN_FLAGS, 0o600)
            with open(number, "w", encoding="utf-8") as file:
                file.write(text + "\n")
    except (OSError, UnicodeError) as error:
        what = f"cannot read the server's {path.name}"
        raise RunFailed(what, where=f"{path}: {error}", todo="remove the file") from error
    return text


def _read(path: Path) -> str:
    with open(os.open(path, os.O_RDONLY | OPEN_FLAGS), encoding="utf-8") as file:
        return file.read(MAX_CHARS).strip()


@contextmanager
def locked(path: Path, busy: Callable[[], LockedError]) -> Iterator[None]:
    """Hold a lock file for the block. Raises what `busy` returns where another holds it, RunFailed for no lock."""
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT | OPEN_FLAGS, 0o666)
    except OSError as error:
        raise refused("cannot open the lock", path, error) from error
    with open(number, "rb"):
        if not try_lock(number):
            raise busy()
        yield
