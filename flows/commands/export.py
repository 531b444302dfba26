"""`newsmart export`: the current release as files with a manifest (Parquet or DuckDB), or as a DuckLake's snapshot."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from flows.commands.output import print_result, released_home, settings_of
from flows.settings import Settings
from schemas.errors import UsageError
from warehouse.home import Home


def export(options: argparse.Namespace) -> int:
    """Export, and say what was written. A release that is not as it was published does not go out."""
    from warehouse.release.freshness import check_current

    home = released_home(options)
    home.check()
    check_current(home)
    began = time.monotonic()
    done = (_lake if options.format == "ducklake" else _files)(options, home, settings_of(options))
    done["seconds"] = round(time.monotonic() - began, 3)
    return print_result(options, done, [_line(done)])


def _files(options: argparse.Namespace, home: Home, settings: Settings) -> dict[str, Any]:
    from warehouse.db import Limits
    from warehouse.export.release import export_release

    for name in ("data_path", "ducklake_python"):
        if getattr(options, name) is not None:
            raise UsageError(f"--{name.replace('_', '-')} goes with --format ducklake")
    place = _place(options.to, home)
    limits = Limits(memory=settings.query_memory)
    done = export_release(
        home.file,
        place,
        form=options.format,
        keep=settings.keep_releases,
        limits=limits,
        spill_parent=home.temp,
    )
    tree, sizes = done.manifest.tree, done.manifest.sizes
    if options.format == "duckdb":
        what = {"path": tree["database"]["path"]}
    else:
        what = {"tables": len(tree["tables"]), "rows": sum(one["row_count"] for one in tree["tables"])}
    return {
        "format": options.format,
        "to": place.shown,
        "release_id": done.contents.release["release_id"],
        "as_of": done.contents.release["as_of"],
        "fingerprint": done.contents.release["fingerprint"],
        "exported": done.is_new,
        "folder": tree["folder"],
        **what,
        "files": len(sizes),
        "bytes": sum(sizes.values()),
        "removed": list(done.removed),
    }


def _place(to: str, home: Home) -> Any:
    """Return the folder or the bucket that is meant; the code for a bucket is imported only where one is."""
    if to.lower().startswith("s3:"):
        from warehouse.export.bucket import Bucket

        return Bucket(to, home.temp)
    if "://" in to:
        raise UsageError("exports go to a folder or to s3://BUCKET/PREFIX", where=to.partition("://")[0] + "://")
    from warehouse.export.place import Folder

    home.check_outside(Path(to))
    return Folder(Path(to))


def _lake(options: argparse.Namespace, home: Home, settings: Settings) -> dict[str, Any]:
    from warehouse.db import Limits
    from warehouse.export.ducklake import export_ducklake, parse_lake

    lake = parse_lake(options.to, options.data_path)
    for place in (None if lake.is_postgres else lake.catalog, lake.data_path):
        if place is not None:
            home.check_outside(Path(place))
    python = settings.ducklake_python or sys.executable
    limits = Limits(memory=settings.query_memory)
    contents, done = export_ducklake(home.file, lake, python=python, limits=limits, spill_parent=home.temp)
    return {
        "format": "ducklake",
        "to": f"ducklake:{lake.catalog}",
        "release_id": contents.release["release_id"],
        "as_of": contents.release["as_of"],
        "fingerprint": contents.release["fingerprint"],
        "exported": done["is_new"],
        "snapshot_id": done["snapshot_id"],
        "changed_tables": done["changed"],
        "deleted": done["deleted"],
        "inserted": done["inserted"],
    }


def _line(done: dict[str, Any]) -> str:
    if not done["exported"]:
        return f"{done['to']} shows {done['release_id']} already; nothing to do"
    what = {
        "parquet": "{rows:,} rows of {tables} tables in {files:,} files, {bytes:,} bytes",
        "duckdb": "{path}, {bytes:,} bytes",
        "ducklake": "snapshot {snapshot_id}, {deleted:,} rows deleted and {inserted:,} inserted",
    }[done["format"]]
    return f"{done['to']} shows {done['release_id']} now: {what.format(**done)}, in {done['seconds']:.2f} s"
