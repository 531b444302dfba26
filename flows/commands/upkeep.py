"""Commands on the ledger and on the warehouse's files: build, verify, purge, maintain, rollback, backup and so on.

The work itself is imported by the command that does it: each needs DuckDB, which takes longer to load than `--help`.
"""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flows.commands.output import home_of, print_result, say
from flows.settings import keeps_of, load_settings
from schemas.errors import RunFailed
from schemas.text import counted
from warehouse.clock import parse_moment
from warehouse.release.freshness import BEHIND, PINNED


def build(options: argparse.Namespace) -> int:
    """Build a release as of a time into a file."""
    from warehouse.upkeep.operations import build_as_of

    as_of = parse_moment(options.as_of)
    built = build_as_of(home_of(options).file, as_of, Path(options.to), load_settings().build_memory)
    made = f"{counted(built.mention_count, 'mention')} of {counted(built.article_count, 'article')}"
    say(options, f"{options.to}: {made} as of {as_of}")
    return 0


def verify(options: argparse.Namespace) -> int:
    """Rebuild the release and compare. Raises RunFailed where a table differs, or the release is behind the ledger."""
    from warehouse.upkeep.operations import verify as compare

    found = compare(home_of(options).file, load_settings().build_memory)
    print_result(options, found, _comparison(found))
    if not (found["is_equal"] and found["is_file_untouched"]):
        names = ", ".join(one["table"] for one in found["differences"]) or "no table differs, but the file's bytes do"
        todo = "`newsmart run --full-refresh` replaces it" if found["is_pinned"] else "the next run replaces it"
        raise RunFailed("the release is not what the ledger says", where=names, todo=todo)
    if found["is_behind"] and not found["is_pinned"] and found["last_run"] in ("published", "unchanged"):
        raise RunFailed("the release is behind the ledger", where=found["release_id"], todo="`newsmart run` publishes")
    return 0


def _comparison(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"release {found['release_id']}, as of {found['as_of']}"
    wrong = {one["table"] for one in found["differences"]}
    for table in found["tables"]:
        verdict = "DIFFERS" if table["table"] in wrong else "equal"
        yield f"{verdict:8}{table['table']:24}{table['row_count']:>12,} rows"
    if found["is_behind"] and found["is_pinned"]:
        yield "pinned: the ledger has something newer, which a rollback keeps from readers"
    elif found["is_behind"]:
        yield f"behind: {BEHIND}"


def purge(options: argparse.Namespace) -> int:
    """Take something down, and print what was done."""
    from warehouse.upkeep.takedown import purge as take_down

    done = take_down(home_of(options).file, load_settings().build_memory, path=options.path, url=options.url)
    return print_result(options, done, _takedown(done))


def _takedown(done: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"purged {counted(done['documents'], 'document')}, {counted(done['versions'], 'version')}, "
        f"{counted(done['mentions'], 'mention')}, {done['entries']} entries, {counted(done['urls'], 'URL')} and the "
        f"bytes of {counted(done['raw'], 'version')}; "
        f"removed releases: {', '.join(done['releases_removed']) or 'none'}"
    )
    if done["is_pinned"]:
        yield PINNED
    yield "a tombstone keeps it out of later runs; backups and copies made before still hold it"
    for file in done["still_held_by"]:
        yield f"a ledger that was set aside may still hold it: {file}"


def maintain(options: argparse.Namespace) -> int:
    """Prune and compact the ledger, and print what was done."""
    from warehouse.upkeep.operations import maintain as compact

    settings = load_settings()
    done = compact(home_of(options).file, settings.build_memory, **keeps_of(settings))
    text = (
        f"dropped {counted(done['runs'], 'run')}, {counted(done['problems'], 'mended problem')} and the bytes of "
        f"{counted(done['raw'], 'document')}; "
        f"the ledger has {done['ledger_bytes']:,} bytes, it had {done['ledger_bytes_before']:,}"
    )
    return print_result(options, done, [text])


def rollback(options: argparse.Namespace) -> int:
    """Go back one release."""
    from warehouse.upkeep.operations import rollback as go_back

    release_id = go_back(home_of(options).file, load_settings().build_memory)
    say(options, f"readers now see {release_id}; it stays until a run records something new or has --full-refresh")
    return 0


def backup(options: argparse.Namespace) -> int:
    """Copy the warehouse."""
    from warehouse.upkeep.backup import backup as copy

    made = copy(home_of(options), Path(options.to), wait_seconds=options.wait)
    say(options, f"backed up {made.total_bytes:,} bytes to {options.to}")
    return 0


def restore(options: argparse.Namespace) -> int:
    """Put a backup in the warehouse's place."""
    from warehouse.upkeep.restore import restore as put_back

    home = home_of(options)
    made = put_back(Path(options.origin), home, force=options.force)
    say(options, f"restored {made.total_bytes:,} bytes to {home.file}")
    return 0


def doctor(options: argparse.Namespace) -> int:
    """Print findings. Returns 1 where one is bad."""
    from warehouse.release.freshness import recorded
    from warehouse.upkeep.doctor import clean, examine

    home = home_of(options)
    if options.clean:
        say(options, *(f"removed {path}" for path in clean(home)))
    findings = examine(home, recorded(home))
    lines = (f"{finding.status:5} {finding.name}: {finding.text}" for finding in findings)
    print_result(options, [asdict(finding) for finding in findings], lines)
    return 1 if any(finding.status == "bad" for finding in findings) else 0
