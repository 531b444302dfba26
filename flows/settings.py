"""Every setting and its default, and the only place that reads the environment.

A setting comes from the command line, else from an environment variable NEWSMART_<NAME>, else from the settings file
(TOML, named by NEWSMART_SETTINGS, else newsmart.toml in the current folder), else from the default here. trust.py says
what a file may set that was found and not named.
"""

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from flows.trust import check_trust
from schemas.errors import UsageError
from schemas.limits import MOST_SECONDS, MOST_WORKERS, size_bytes

PREFIX = "NEWSMART_"
DEFAULT_FILE = "newsmart.toml"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a run and of what keeps its traces; each field's comment is its meaning."""

    warehouse: str = "warehouse/news.duckdb"  # the file that readers open
    source: str = "seeds"  # the default source, [NAME=]DIR or [NAME=]URL
    workers: int = 0  # processes that read documents; 0: as many as there are cores
    engine: str = ""  # what reads documents, local or dask; empty: dask where dask_address is set, else local
    dask_address: str = ""  # scheduler, tcp://HOST:PORT or tls://HOST:PORT; empty: a cluster of the run's own
    max_quarantine: float = -1.0  # share of bad documents that refuses a run; -1: over 5 % and more than 10
    keep_releases: int = 3  # releases kept, the current one included
    keep_runs: int = 10_000  # rows of ops.run kept
    keep_quarantine_days: int = 365  # days for which mended problems are kept in the ledger
    keep_raw_days: int = 0  # days for which bytes of superseded versions are kept; 0: for ever
    build_memory: str = ""  # memory for DuckDB in a run, such as 2GB; empty: 350 MB, or 1 kB a document
    query_memory: str = "1GB"  # memory that one query may use
    query_seconds: float = 60.0  # time that one query may take
    ducklake_python: str = ""  # interpreter whose duckdb has the extension ducklake; empty: newsmart's own
    max_age: str = ""  # age of the release at which `status` exits with 1, such as 26h; empty: never
    on_failure: str = ""  # command that is run when a run fails or is refused
    webhook: str = ""  # address that gets an event when a run fails or is refused
    on_publish: str = ""  # command that is run when a release is out
    publish_webhook: str = ""  # address that gets an event when a release is out
    log_format: str = "text"  # text or json


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings in force. Raises UsageError for a name that does not exist or a value that does not fit."""
    values = os.environ if environment is None else environment
    given: dict[str, object] = {**_from_file(values), **_from_environment(values)}
    return Settings(**{name: _fit(name, value) for name, value in given.items()})  # type: ignore[arg-type]


def readable_settings() -> Settings:
    """Return the settings as far as they can be read, the rest as their defaults: to report an error there."""
    given: dict[str, object] = {}
    with suppress(UsageError):
        given.update(_from_file(os.environ))
    given.update(_from_environment(os.environ))
    readable: dict[str, object] = {}
    for name, value in given.items():
        with suppress(UsageError):
            readable[name] = _fit(name, value)
    return Settings(**readable)  # type: ignore[arg-type]


def pager() -> str:
    """Return the command that the user reads long texts with, empty where none is set."""
    return os.environ.get("PAGER", "")


def process_environment() -> MutableMapping[str, str]:
    """Return this process's environment, for those who must add to it before Prefect is imported."""
    return os.environ


def _names() -> dict[str, type]:
    return {field.name: type(field.default) for field in fields(Settings)}


def _from_environment(values: Mapping[str, str]) -> dict[str, object]:
    names = _names()
    return {name: values[PREFIX + name.upper()] for name in names if PREFIX + name.upper() in values}


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
    unknown = sorted(set(given) - set(_names()))
    if unknown:
        todo = f"{_nearest(unknown[0])}one of " + ", ".join(_names())
        raise UsageError("no such setting", where=f"{unknown[0]} in {path}", todo=todo)
    if chosen is None:
        check_trust(given, path, status)
    return given


def misspelt(environment: Mapping[str, str] | None = None) -> list[str]:
    """Say which NEWSMART_ variables name no setting, and which was probably meant; an older newsmart may know them."""
    values = os.environ if environment is None else environment
    known = {PREFIX + name.upper() for name in (*_names(), "settings")}
    wrong = sorted(name for name in values if name.startswith(PREFIX) and name not in known)
    return [f"{name} is no setting ({_nearest(name, known)}see the README)" for name in wrong]


def _nearest(name: str, known: Iterable[str] | None = None) -> str:
    """Return a hint at the name that was probably meant, to go before other words; empty where none is near."""
    # Not at the top: only a mistake needs it.
    from difflib import get_close_matches

    near = get_close_matches(name, _names() if known is None else known, n=1)
    return f"{near[0]}? " if near else ""


def _fit(name: str, value: object) -> object:
    """Return a setting's value in its type. Raises UsageError where it has none, or is none that makes sense."""
    kind = _names()[name]
    try:
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise TypeError
        made = kind(value)
        if kind is int and isinstance(value, float) and made != value:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"the setting {name} must be {_KINDS[kind]}", where=repr(value)) from None
    is_good, wanted = _CHECKS.get(name, (_is_text, "a text without NUL"))
    if not is_good(made):
        raise UsageError(f"the setting {name} must be {wanted}", where=repr(value))
    return made


def _from_to(least: float, most: float) -> tuple[Callable[[Any], bool], str]:
    """Return a check of a number, and its words. A number that is none (NaN) lies nowhere."""
    return lambda value: least <= value <= most, f"from {least:,} to {most:,}"


def _is_text(value: str) -> bool:
    return "\0" not in value


def _is_size(text: str) -> bool:
    try:
        return size_bytes(text) > 0
    except UsageError:
        return False


def _is_build_size(text: str) -> bool:
    return not text or _is_size(text) or re.fullmatch("[1-9][0-9]?%", text) is not None


_KINDS = {int: "a whole number", float: "a number", str: "a text"}
_SIZE = "a size such as 512MB or 2GB, at most 1000TB"
# What a value must be so that nothing that is given it overflows: of days a century.
_CHECKS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "workers": _from_to(0, MOST_WORKERS),
    "max_quarantine": (lambda value: value == -1 or 0 <= value <= 1, "a share from 0 to 1, or -1"),
    "keep_releases": _from_to(1, 100_000),
    "keep_runs": _from_to(1, 1_000_000_000),
    "keep_quarantine_days": _from_to(0, 36_525),
    "keep_raw_days": _from_to(0, 36_525),
    "build_memory": (_is_build_size, _SIZE),
    "query_memory": (_is_size, _SIZE),
    "query_seconds": (lambda value: 0 < value <= MOST_SECONDS, f"over 0, and at most {MOST_SECONDS:,}"),
    "log_format": (lambda value: value in ("text", "json"), "text or json"),
}
