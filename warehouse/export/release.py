"""Writes the current release to a place: a folder of files for each export, then the manifest.

The files are Parquet (parquet.py), or the release itself, a DuckDB file. A crash leaves a folder that no manifest
names; the next export removes it.
"""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import duckdb

from schemas.errors import UsageError
from warehouse.db import Limits, release_connection
from warehouse.durable import sha256_of
from warehouse.export.bucket import Bucket
from warehouse.export.contents import Contents, Record, read_contents
from warehouse.export.manifest import FORMATS, Manifest, make_manifest, new_folder
from warehouse.export.parquet import write_tables
from warehouse.export.place import FAILED, Folder
from warehouse.refusals import refusing

Format = Literal["parquet", "duckdb"]
Place = Folder | Bucket
CONTRACT = "contract.yaml"


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export did. `is_new` is False where the release was there already: nothing was written then."""

    contents: Contents
    manifest: Manifest
    is_new: bool
    removed: tuple[str, ...]


def export_release(
    release: Path, place: Place, *, form: Format, keep: int, limits: Limits, spill_parent: Path
) -> Exported:
    """Export the release that the file shows, and keep the last `keep` exports.

    Raises LockedError where another export writes there, UsageError where the place is not ours or holds exports of
    another format, RunFailed where a file cannot be written or does not hold what the release does; the manifest that
    was there stays then.
    """
    file = release.resolve()
    with place.held(), release_connection(file, spill_parent=spill_parent, limits=limits) as connection:
        contents = read_contents(connection)
        former = place.read()
        if former is not None and former.tree["format"] != FORMATS[form]:
            what = "the place holds exports of another format"
            raise UsageError(what, where=f"{place.shown}: {former.tree['format']}", todo="export to another place")
        removed = _sweep(place, former)
        if former is not None and former.shows(contents) and dict(place.sizes(former.folders[0])) == former.sizes:
            return Exported(contents, former, False, removed)
        folder = new_folder(contents.release["release_id"])
        files = _write(connection, contents, file, place, folder, form)
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        manifest = make_manifest(form, contents, folder, files, moment, former, keep)
        # Whether a switch that failed has taken place is not always known (a connection that broke after the request),
        # so its files are left: the next export removes them where no manifest names them.
        place.switch(manifest.to_bytes())
        return Exported(contents, manifest, True, removed + _sweep(place, manifest))


def _sweep(place: Place, manifest: Manifest | None) -> tuple[str, ...]:
    """Remove the folders that the manifest does not keep; return their names."""
    gone = place.leftovers(() if manifest is None else manifest.folders)
    for folder in gone:
        place.remove(folder)
    return tuple(gone)


def _write(
    connection: duckdb.DuckDBPyConnection, contents: Contents, release: Path, place: Place, folder: str, form: Format
) -> Record:
    """Hand the export's files to the place; return what the manifest tells of them. A failed export leaves none."""
    try:
        with place.staged(folder) as staged:

            def keep(relative: str) -> Record:
                file = staged / relative
                record = {"path": f"{folder}/{relative}", "size": file.stat().st_size, "sha256": sha256_of(file)}
                place.keep(folder, file, relative)
                return record

            if form == "parquet":
                files = write_tables(connection, contents, staged, keep)
            else:
                with refusing(FAILED, staged / release.name):  # its own name, after which DuckDB calls the catalog
                    shutil.copyfile(release, staged / release.name)
                files = {"database": keep(release.name)}
            if contents.contract is not None:
                with refusing(FAILED, staged / CONTRACT):
                    (staged / CONTRACT).write_text(contents.contract, encoding="utf-8")
                files = {"contract": keep(CONTRACT), **files}
            return files
    except BaseException:
        place.remove(folder)
        raise
