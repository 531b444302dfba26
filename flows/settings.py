"""Every setting: default, meaning, what it may be, who may set it. The only place that reads the environment.

A setting comes from an option of the command line or a flow's parameter, else from an environment variable
NEWSMART_<NAME>, else from the settings file (TOML, named by NEWSMART_SETTINGS, else newsmart.toml in the current
folder), else from the default here.

newsmart.toml lies in the current folder, and whoever can write there can put one: in /tmp, in a team's folder, in a
mounted volume. Settings that run something, or say whom to call, what to read, where to write or what to delete, count
from it only where the file and its folder are the user's alone (or root's). A file that the user names
(NEWSMART_SETTINGS) is meant. Group members count as others, as for ssh.
"""

import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from itertools import chain
from pathlib import Path
from typing import Any

from schemas.errors import UsageError
from schemas.limits import MOST_SECONDS, MOST_WORKERS, size_bytes

PREFIX = "NEWSMART_"
DEFAULT_FILE = "newsmart.toml"

# What runs something, dials an address, or has a run delete what it would keep or publish what it would refuse.
RISKY = "risky"
# What costs time or changes how things are printed.
HARMLESS = "harmless"
# What may name a place, as long as that lies where the file lies.
PLACE = "place"
_OUTSIDE = re.compile(r"(^|=)[/~]|://|^[^/]*:/|(^|[/=])\.\.(/|$)")

Check = tuple[Callable[[Any], bool], str]
"""Tells whether a value makes sense, and says in words what it must be."""


def _from_to(least: float, most: float) -> Check:
    """Return a check of a number. One that is none (NaN) lies nowhere."""
    return lambda value: least <= value <= most, f"from {least:,} to {most:,}"


def _is_size(text: str) -> bool:
    try:
        return size_bytes(text) > 0
    except UsageError:
        return False


_TEXT: Check = (lambda value: "\0" not in value, "a text without NUL")
_ENGINE: Check = (lambda value: value in ("", "local", "dask"), "local or dask")
_SHARE: Check = (lambda value: value == -1 or 0 <= value <= 1, "a share from 0 to 1, or -1")
_SECONDS: Check = (lambda value: 0 < value <= MOST_SECONDS, f"over 0, and at most {MOST_SECONDS:,}")
_FORMAT: Check = (lambda value: value in ("text", "json"), "text or json")
_SIZE: Check = (_is_size, "a size such as 512MB or 2GB, at most 1000TB")
_BUILD: Check = (lambda text: not text or _is_size(text) or bool(re.fullmatch("[1-9][0-9]?%", text)), _SIZE[1])
_DAYS = _from_to(0, 36_525)


def _setting(default: object, meaning: str, trust: str, check: Check = _TEXT, form: str | None = None) -> Any:
    """Return a field. In: when a found file may set it; what a value must be; how help names the option's value."""
    return field(default=default, metadata={"meaning": meaning, "trust": trust, "check": check, "form": form})


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a run and of what keeps its traces."""

    warehouse: str = _setting("warehouse/news.duckdb", "the file that readers open", PLACE, form="FILE")
    source: str = _setting("seeds", "the default source, [NAME=]DIR or [NAME=]URL", PLACE)
    workers: int = _setting(0, "processes that read documents; 0: one a core", HARMLESS, _from_to(0, MOST_WORKERS), "N")
    engine: str = _setting(
        "",
        "what reads documents, local or dask; empty: dask where dask_address is set, else local",
        RISKY,
        _ENGINE,
        "NAME",
    )
    dask_address: str = _setting(
        "", "scheduler, tcp://HOST:PORT or tls://HOST:PORT; empty: a cluster of the run's own", RISKY, form="ADDRESS"
    )
    max_quarantine: float = _setting(
        -1.0, "share of bad documents that refuses a run; -1: over 5 % and more than 10", RISKY, _SHARE, "SHARE"
    )
    keep_releases: int = _setting(3, "releases kept, the current one included", RISKY, _from_to(1, 100_000))
    keep_runs: int = _setting(10_000, "rows of ops.run kept", RISKY, _from_to(1, 1_000_000_000))
    keep_quarantine_days: int = _setting(365, "days for which mended problems are kept in the ledger", RISKY, _DAYS)
    keep_raw_days: int = _setting(0, "days for which bytes of old versions are kept; 0: for ever", RISKY, _DAYS)
    build_memory: str = _setting(
        "",
        "memory for DuckDB in a run, such as 2GB; empty: as much as the ledger needs, from 350 MB on",
        HARMLESS,
        _BUILD,
    )
    query_memory: str = _setting("1GB", "memory that one query may use", HARMLESS, _SIZE)
    query_seconds: float = _setting(60.0, "seconds that one query may take", HARMLESS, _SECONDS)
    ducklake_python: str = _setting("", "interpreter with DuckDB's ducklake; empty: newsmart's own", RISKY, form="PATH")
    max_age: str = _setting(
        "", "age of the release at which `status` exits with 1, such as 26h; empty: never", HARMLESS, form="AGE"
    )
    on_failure: str = _setting("", "command that is run when a run fails or is refused", RISKY, form="CMD")
    webhook: str = _setting("", "address that gets an event when a run fails or is refused", RISKY, form="URL")
    on_publish: str = _setting("", "command that is run when a release is out", RISKY, form="CMD")
    publish_webhook: str = _setting("", "address that gets an event when a release is out", RISKY, form="URL")
    log_format: str = _setting("text", "text or json", HARMLESS, _FORMAT)


FIELDS = {field.name: field for field in fields(Settings)}


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings in force. Raises UsageError for a name that does not exist or a value that does not fit."""
    values = os.environ if environment is None else environment
    return overridden(Settings(), {**_from_file(values), **_from_environment(values)})


def overridden(settings: Settings, given: Mapping[str, object]) -> Settings:
    """Return settings, in their place what is given under their names; None is not given, other names are ignored."""
    named = {name: value for name, value in given.items() if name in FIELDS and value is not None}
    return replace(settings, **{name: _fit(name, value) for name, value in named.items()})  # type: ignore[arg-type]


def keeps_of(settings: Settings) -> dict[str, int]:
    """Return the settings that say how long what is kept, by name."""
    return {name: getattr(settings, name) for name in FIELDS if name.startswith("keep_")}


def readable_settings(options: Mapping[str, object]) -> Settings:
    """Return the settings as far as they can be read, the rest as their defaults: to report an error there."""
    settings, file = Settings(), dict[str, object]()
    with suppress(UsageError):
        file = _from_file(os.environ)
    for name, value in chain(file.items(), _from_environment(os.environ).items(), options.items()):
        with suppress(UsageError):
            settings = overridden(settings, {name: value})
    return settings


def is_s3_anonymous() -> bool:
    """Tell whether requests to S3 are not signed, as for a public bucket; the variable's name is fsspec's."""
    return os.environ.get("FSSPEC_S3_ANON", "").lower() in ("1", "true", "yes")


def process_environment() -> MutableMapping[str, str]:
    """Return this process's environment, for those who must add to it before Prefect is imported."""
    return os.environ


def _from_environment(values: Mapping[str, str]) -> dict[str, object]:
    return {name: values[PREFIX + name.upper()] for name in FIELDS if PREFIX + name.upper() in values}


def _from_file(values: Mapping[str, str]) -> dict[str, object]:
    chosen = values.get(PREFIX + "SETTINGS")
    path = Path(chosen or DEFAULT_FILE)
    try:
        if chosen is None and not path.is_file():
            return {}
        # The state is that of the very file that is read.
        with path.open("rb") as file:
            status, given = os.fstat(file.fileno()), tomllib.load(file)
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError("the settings file cannot be read", where=f"{path}: {error}") from error
    unknown = sorted(set(given) - set(FIELDS))
    if unknown:
        todo = f"{_nearest(unknown[0])}one of " + ", ".join(FIELDS)
        raise UsageError("no such setting", where=f"{unknown[0]} in {path}", todo=todo)
    if chosen is None:
        _check_trust({name: (FIELDS[name].metadata["trust"], value) for name, value in given.items()}, path, status)
    return given


def misspelt(environment: Mapping[str, str] | None = None) -> list[str]:
    """Say which NEWSMART_ variables name no setting, and which was probably meant; an older newsmart may know them."""
    values = os.environ if environment is None else environment
    known = {PREFIX + name.upper() for name in (*FIELDS, "settings")}
    wrong = sorted(name for name in values if name.startswith(PREFIX) and name not in known)
    return [f"{name} is no setting ({_nearest(name, known)}see the README)" for name in wrong]


def _nearest(name: str, known: Iterable[str] | None = None) -> str:
    """Return a hint at the name that was probably meant, to go before other words; empty where none is near."""
    # Not at the top: only a mistake needs it.
    from difflib import get_close_matches

    near = get_close_matches(name, FIELDS if known is None else known, n=1)
    return f"{near[0]}? " if near else ""


def _fit(name: str, value: object) -> object:
    """Return a setting's value in its type. Raises UsageError where it has none, or is none that makes sense."""
    kind: Any = type(FIELDS[name].default)
    try:
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise TypeError
        made = kind(value)
        if kind is int and isinstance(value, float) and made != value:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        kinds = {int: "a whole number", float: "a number", str: "a text"}
        raise UsageError(f"the setting {name} must be {kinds[kind]}", where=repr(value)) from None
    is_good, wanted = FIELDS[name].metadata["check"]
    if not is_good(made):
        raise UsageError(f"the setting {name} must be {wanted}", where=repr(value))
    return made


def _check_trust(given: Mapping[str, tuple[str, object]], path: Path, status: os.stat_result) -> None:
    """Raise UsageError where a found file sets what it may not.

    In: of each of its settings which of the three it is, and the value; where the file lies; the state of the very
    file that was read, link or not.
    """
    folder = path.absolute().parent
    risky = sorted(name for name, (kind, value) in given.items() if _is_risky(kind, value, folder))
    reason = _distrust(path, status) if risky else None
    if reason is not None:
        raise UsageError(
            f"a settings file that is not yours alone may not set {', '.join(risky)}",
            where=f"{path.absolute()}: {reason}",
            todo=f"mend that, or, if you mean it, set NEWSMART_SETTINGS={path}",
        )


def _is_risky(kind: str, value: object, folder: Path) -> bool:
    if kind == PLACE:
        return bool(_OUTSIDE.search(str(value))) or _is_linked_out(str(value), folder)
    return kind == RISKY and value != ""


def _is_linked_out(place: str, folder: Path) -> bool:
    home = os.path.realpath(folder)
    ways = [way for name in (place, place.partition("=")[2]) for way in (name, f"{name}.d") if "\0" not in name]
    return any(os.path.commonpath((home, os.path.realpath(folder / way))) != home for way in ways)


def _distrust(path: Path, status: os.stat_result) -> str | None:
    folders = {"its folder": path.absolute().parent, "the folder of what it links to": path.resolve().parent}
    for name, found in {"it": status, **{name: folder.stat() for name, folder in folders.items()}}.items():
        if found.st_uid not in (0, os.geteuid()):
            return f"{name} belongs to another user"
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return f"others may write {name} (chmod go-w)"
    return None
