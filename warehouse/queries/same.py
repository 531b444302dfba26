"""Whether a release holds two URLs for one article, and what its aliases have to do with it.

A release knows of each URL spelling which article owns it, and of each shared alias what it joins (ops.alias); an alias
that one key alone declares joins by being declared, and leaves no row there. So the answer is the owners', and the rows
of ops.alias are its reasons.
"""

from dataclasses import dataclass

import duckdb

from schemas.errors import RunFailed, UsageError
from schemas.tables import CONTRACT_VERSION
from schemas.urls import POLICY_VERSION
from warehouse.db import release_connection
from warehouse.home import Home
from warehouse.sql_files import read_sql


@dataclass(frozen=True, slots=True)
class AliasVerdict:
    """What a shared alias does to a key that declares it, as ops.alias has it."""

    alias: str
    declaring_key: str
    is_joined: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Known:
    """What a release knows of two url_keys: the article of each (None: no article owns it, or it is not known)."""

    is_same: bool
    reason: str
    article_keys: tuple[int | None, int | None]
    aliases: tuple[AliasVerdict, ...]


def ask_same(home: Home, one: str, other: str) -> Known:
    """Return whether the current release holds two url_keys for one article, and why.

    Raises UsageError where there is no release, RunFailed where another version of newsmart made it.
    """
    if not home.file.exists():
        raise UsageError("there is no release yet", where=str(home.file), todo="run `newsmart run` first")
    with release_connection(home.file, sandboxed=True, spill_parent=home.temp) as connection:
        _check_version(connection, home)
        keys = {"one": one, "other": other}
        owners = {str(row[0]): row[1] for row in connection.execute(read_sql("same", "owners"), keys).fetchall()}
        rows = connection.execute(read_sql("same", "aliases"), keys).fetchall()
    aliases = tuple(AliasVerdict(*row[:4]) for row in rows)
    article_keys = owners.get(one), owners.get(other)
    is_same = article_keys[0] is not None and article_keys[0] == article_keys[1]
    shared = tuple(verdict for verdict, row in zip(aliases, rows, strict=True) if row[4])
    unknown = [key for key in (one, other) if key not in owners]
    reason = _why_same(shared) if is_same else _why_not(owners, unknown, shared)
    return Known(is_same, reason, article_keys, aliases)


def _check_version(connection: duckdb.DuckDBPyConnection, home: Home) -> None:
    made_by = connection.execute("select contract_version, policy_version from ops.release").fetchall()
    if made_by != [(CONTRACT_VERSION, POLICY_VERSION)]:
        raise RunFailed(
            "another version of newsmart made this release", where=str(home.file), todo="`newsmart run` makes it anew"
        )


def _why_same(shared: tuple[AliasVerdict, ...]) -> str:
    joined = sorted({verdict.alias for verdict in shared if verdict.is_joined})
    if joined:
        return f"they are one article, by the shared alias {joined[0]}"
    return "they are one article, by what its documents declare together"


def _why_not(owners: dict[str, int | None], unknown: list[str], shared: tuple[AliasVerdict, ...]) -> str:
    if unknown:
        return "no document names " + " or ".join(unknown)
    unowned = [key for key, article_key in owners.items() if article_key is None]
    if unowned:
        return f"no article owns {unowned[0]}: no document is identified by it, and as an alias it joins nothing"
    parted = sorted({verdict.alias for verdict in shared if not verdict.is_joined})
    if parted:
        return f"they are two articles: the alias {parted[0]} that they share joins only spellings of one story"
    return "they are two articles: no document declares them together"
