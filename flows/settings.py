"""Every setting and its default, and the only place that reads the environment.

A setting comes from the command line, else from an environment variable NEWSMART_<NAME>, else from the settings file
(TOML, named by NEWSMART_SETTINGS, else newsmart.toml in the current folder), else from the default here.
"""

import os
import tomllib
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, fields
from pathlib import Path

from schemas.errors import UsageError

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
    build_memory: str = ""  # memory for DuckDB in a run, such as 2GB; empty: 350 MB, or 3.5 kB a document
    query_memory: str = "1GB"  # memory that one query may use
    query_seconds: float = 60.0  # time that one query may take
    ducklake_python: str = ""  # interpreter whose duckdb has the extension ducklake; empty: newsmart's own
    max_age: str = ""  # age of the release at which `status` exits with 1, such as 26h; empty: never
    on_failure: str = ""  # command that is run when a run fails or is refused
    webhook: str = ""  # address that is told when a run fails or is refused
    log_format: str = "text"  # text or json
    fault: str = ""  # name of a fault point at which the run dies; for the crash proof only


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings in force. Raises UsageError for a name that does not exist or a value that does not fit."""
    values = os.environ if environment is None else environment
    told: dict[str, object] = {**_from_file(values), **_from_environment(values)}
    return Settings(**{name: _fit(name, value) for name, value in told.items()})  # type: ignore[arg-type]


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
    if chosen is None and not path.is_file():
        return {}
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError("the settings file cannot be read", where=f"{path}: {error}") from error
    unknown = sorted(set(told) - set(_names()))
    if unknown:
        raise UsageError("no such setting", where=f"{unknown[0]} in {path}", todo="one of " + ", ".join(_names()))
    return told


def _fit(name: str, value: object) -> object:
    kind = _names()[name]
    try:
        return kind(value)
    except (TypeError, ValueError) as error:
        raise UsageError(f"the setting {name} must be a {kind.__name__}", where=repr(value)) from error
