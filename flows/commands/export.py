"""`newsmart export`: the current release as Parquet with a manifest, or as a snapshot of a DuckLake."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from flows.commands.output import print_result, released_home
from flows.settings import Settings, load_settings
from schemas.errors import UsageError
from warehouse.home import Home


def export(options: argparse.Namespace) -> int:
    """Export, and say what was written. A release that is not as it was published does not go out."""
    from warehouse.release.untouched import check_current

    home = released_home(options)
    home.check()
    check_current(home)
    began = time.monotonic()
    told = (_lake if options.format == "ducklake" else _parquet)(options, home, load_settings())
    told["seconds"] = round(time.monotonic() - began, 3)
    return print_result(options, told, [_line(told)])


def _parquet(options: argparse.Namespace, home: Home, settings: Settings) -> dict[str, Any]:
    from warehouse.db import Limits
    from warehouse.export.parquet import export_parquet

    for name in ("data_path", "ducklake_python"):
        if getattr(options, name) is not None:
            raise UsageError(f"--{name.replace('_', '-')} goes with --format ducklake")
    place = _place(options.to, home)
    limits = Limits(memory=settings.query_memory)
    done = export_parquet(home.file, place, keep=settings.keep_releases, limits=limits, spill_parent=home.temp)
    return {
        "format": "parquet",
        "to": place.shown,
        "release_id": done.contents.release_id,
        "as_of": done.contents.release["as_of"],
        "fingerprint": done.contents.fingerprint,
        "exported": done.is_new,
        "folder": done.folder,
        "tables": len(done.contents.tables),
        "rows": done.row_count,
        "files": done.file_count,
        "bytes": done.total_bytes,
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

    return Folder(Path(to))


def _lake(options: argparse.Namespace, home: Home, settings: Settings) -> dict[str, Any]:
    from warehouse.db import Limits
    from warehouse.export.ducklake import export_ducklake, parse_lake

    lake = parse_lake(options.to, options.data_path)
    python = options.ducklake_python or settings.ducklake_python or sys.executable
    limits = Limits(memory=settings.query_memory)
    done = export_ducklake(home.file, lake, python=python, limits=limits, spill_parent=home.temp)
    return {
        "format": "ducklake",
        "to": f"ducklake:{lake.catalog}",
        "release_id": done.contents.release_id,
        "as_of": done.contents.release["as_of"],
        "fingerprint": done.contents.fingerprint,
        "exported": done.is_new,
        "snapshot_id": done.snapshot_id,
        "changed_tables": list(done.changed),
        "deleted": done.deleted,
        "inserted": done.inserted,
    }


def _line(told: dict[str, Any]) -> str:
    """Return what was done, in a line."""
    if not told["exported"]:
        return f"{told['to']} shows {told['release_id']} already; nothing to do"
    what = (
        f"{told['rows']:,} rows of {told['tables']} tables in {told['files']:,} files, {told['bytes']:,} bytes"
        if told["format"] == "parquet"
        else f"snapshot {told['snapshot_id']}, {told['deleted']:,} rows deleted and {told['inserted']:,} inserted"
    )
    return f"{told['to']} shows {told['release_id']} now: {what}, in {told['seconds']:.2f} s"
