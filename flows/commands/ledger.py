"""`build`, `verify`, `purge`, `maintain` and `rollback`."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.commands.common import print_json, say, warehouse_of
from flows.settings import load_settings
from schemas.errors import RunFailed
from warehouse.clock import parse_moment
from warehouse.release.told import BEHIND, PINNED


def build(options: argparse.Namespace) -> int:
    """Build a release as of a time into a file."""
    from warehouse.upkeep.operations import build_as_of

    settings = load_settings()
    as_of = parse_moment(options.as_of)
    built = build_as_of(warehouse_of(options, settings), as_of, Path(options.to), settings.build_memory)
    say(options, f"{options.to}: {built.mention_count:,} mentions of {built.article_count:,} articles as of {as_of}")
    return 0


def verify(options: argparse.Namespace) -> int:
    """Rebuild and compare; exit 1 where a table differs."""
    from warehouse.upkeep.operations import verify as check

    settings = load_settings()
    told = check(warehouse_of(options, settings), settings.build_memory)
    if options.json:
        print_json(told)
    else:
        say(options, f"release {told['release_id']}, as of {told['as_of']}")
        for table in told["tables"]:
            wrong = any(one["table"] == table["table"] for one in told["differences"])
            say(options, f"{'DIFFERS' if wrong else 'equal':8}{table['table']:24}{table['row_count']:>12,} rows")
        if told["is_behind"]:
            say(options, _PINNED if told["is_pinned"] else f"behind: {BEHIND}")
    if told["is_equal"] and told["is_file_untouched"]:
        return _standing_status(told)
    names = ", ".join(one["table"] for one in told["differences"]) or "no table differs, but the file's bytes do"
    todo = "`newsmart run --full-refresh` replaces it" if told["is_pinned"] else "the next run replaces it"
    raise RunFailed("the release is not what the ledger says", where=names, todo=todo)


_PINNED = "pinned: the ledger has something newer, which a rollback keeps from readers"


def _standing_status(told: Mapping[str, Any]) -> int:
    """Return 0 where the release may be as old as it is: nothing is newer, a pin holds, or a run was held back."""
    if told["is_behind"] and not told["is_pinned"] and told["last_run"] in ("published", "unchanged"):
        raise RunFailed("the release is behind the ledger", where=told["release_id"], todo="`newsmart run` publishes")
    return 0


def purge(options: argparse.Namespace) -> int:
    """Take something down, and say what was done."""
    from warehouse.upkeep.takedown import purge as take_down

    settings = load_settings()
    done = take_down(warehouse_of(options, settings), settings.build_memory, path=options.path, url=options.url)
    if options.json:
        print_json(done)
        return 0
    say(
        options,
        f"purged {done['documents']} documents, {done['versions']} versions, {done['mentions']} mentions, "
        f"{done['entries']} entries, "
        f"{done['urls']} URLs and the bytes of {done['raw']} versions; removed releases: "
        f"{', '.join(done['releases_removed']) or 'none'}",
    )
    if done["is_pinned"]:
        say(options, PINNED)
    say(options, "a tombstone keeps it out of later runs; backups and copies made before still hold it")
    for file in done["still_held_by"]:
        say(options, f"a ledger that was set aside may still hold it: {file}")
    return 0


def maintain(options: argparse.Namespace) -> int:
    """Prune and compact, and say what was done."""
    from warehouse.upkeep.operations import maintain as keep_small

    settings = load_settings()
    done = keep_small(
        warehouse_of(options, settings),
        settings.build_memory,
        keep_releases=settings.keep_releases,
        keep_runs=settings.keep_runs,
        keep_quarantine_days=settings.keep_quarantine_days,
        keep_raw_days=settings.keep_raw_days,
    )
    if options.json:
        print_json(done)
        return 0
    say(
        options,
        f"dropped {done['runs']} runs, {done['problems']} mended problems and the bytes of {done['raw']} documents; "
        f"the ledger has {done['ledger_bytes']:,} bytes, it had {done['ledger_bytes_before']:,}",
    )
    return 0


def rollback(options: argparse.Namespace) -> int:
    """Go back one release."""
    from warehouse.upkeep.operations import rollback as go_back

    settings = load_settings()
    release_id = go_back(warehouse_of(options, settings), settings.build_memory)
    say(options, f"readers now see {release_id}; it stays until a run records something new or has --full-refresh")
    return 0
