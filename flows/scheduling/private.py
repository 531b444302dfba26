"""FILE.d/prefect: where Prefect keeps its database, and the key to the server that we start.

Other users of this machine are not trusted: the database holds logs, file names and parameters, and whoever may ask
the API may start runs. So the folder is 0700 and the key lies in it, in a file of its own with mode 0600. It reaches
Prefect's processes by their environment, never by a command line, which `ps` shows to all.

Prefect reads `.env`, `prefect.toml` and `pyproject.toml` of the current folder, which may be anybody's; its settings
name classes to load and servers to obey. So all that imports Prefect does it in this folder (`inside`).
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex, token_urlsafe

from schemas.errors import LockedError, RunFailed
from warehouse.durable import try_lock
from warehouse.home import Home
from warehouse.owners import hand_over

KEY_FILE = "key"
USER = "newsmart"
KEY_BYTES = 32
IDENTITY_FILE = "identity"
LOCK_FILE = "lock"
IDENTITY_BYTES = 4
MAX_KEY_CHARS = 1000


def private_folder(home: Home) -> Path:
    """Return FILE.d/prefect, made, ours alone and no link. Raises RunFailed."""
    folder = home.folder / "prefect"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not stat.S_ISDIR(os.lstat(folder).st_mode):
            raise RunFailed("Prefect's folder is a link", where=str(folder), todo="remove the link, and run again")
        os.chmod(folder, 0o700)
    except OSError as error:
        todo = "mend its owner or rights, or run with --direct"
        raise RunFailed("cannot make Prefect's folder", where=f"{folder}: {error.strerror}", todo=todo) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise RunFailed("cannot write Prefect's folder", where=str(folder), todo="mend its rights")
    hand_over_all(folder)
    return folder


def hand_over_all(folder: Path) -> None:
    """Give what root has made in Prefect's folder to the warehouse's user, whose later runs could not write it else."""
    if os.geteuid() != 0 or folder.parent.stat().st_uid == 0:
        return
    for place, folders, files in os.walk(folder):
        for path in (Path(place), *(Path(place) / name for name in (*folders, *files))):
            with suppress(OSError):
                _hand_over(path, folder.parent)


def _hand_over(path: Path, like: Path) -> None:
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        hand_over(number, like)
    finally:
        os.close(number)


def key_in(folder: Path) -> str:
    """Return the server's key, `user:password` as Prefect wants it; a random one is made at first. Raises RunFailed."""
    path = folder / KEY_FILE
    try:
        return _read(path) or _make(path, f"{USER}:{token_urlsafe(KEY_BYTES)}")
    except (OSError, UnicodeError) as error:
        raise RunFailed("cannot read the server's key", where=f"{path}: {error}", todo="remove the file") from error


def identity_in(folder: Path) -> str:
    """Return the warehouse's identity, made at first: on a server that is shared its path may be another's too."""
    path = folder / IDENTITY_FILE
    try:
        return _read(path) or _make(path, token_hex(IDENTITY_BYTES))
    except (OSError, UnicodeError) as error:
        raise RunFailed("cannot read the warehouse's identity", where=f"{path}: {error}") from error


def known_key(home: Home) -> str | None:
    """Return the key of the server that serves the warehouse; None where this user may not read it."""
    try:
        return _read(home.folder / "prefect" / KEY_FILE)
    except (OSError, UnicodeError):
        return None


def _read(path: Path) -> str | None:
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(number, encoding="utf-8") as file:
        return file.read(MAX_KEY_CHARS).strip() or None


def _make(path: Path, text: str) -> str:
    path.unlink(missing_ok=True)
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    return text


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Be the only `newsmart run` whose server uses the folder's database: two that make its tables at once both fail.

    Raises LockedError.
    """
    number = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        if not try_lock(number):
            todo = "it ends by itself"
            raise LockedError("another run holds the warehouse", where=str(folder.parent), todo=todo)
        yield
    finally:
        os.close(number)


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Make this the current folder for the block."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
