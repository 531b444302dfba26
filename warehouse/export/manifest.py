"""The manifest: which files make up an export, and the one file whose replacement switches readers over.

A reader takes the list of files from `manifest.json` and opens only those. The files of an export lie in a folder of
its own and are never changed, and the manifest is written when all of them are there, so that a reader sees the export
before or the one after, whole. Table formats such as Iceberg rest on the same idea; their metadata would need a library
to write and one to read, a list in JSON needs none.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from secrets import token_hex
from typing import Any

from schemas.errors import UsageError
from warehouse.export.contents import Contents, Relation

MANIFEST = "manifest.json"
CONTRACT = "contract.yaml"
FORMAT = "newsmart-parquet"
MANIFEST_VERSION = 1
# An export's folder: the release's id and four random bytes, so that no two exports ever share one.
FOLDER = re.compile(r"[0-9]{8}T[0-9.]+Z-[0-9a-z]+-x[0-9a-f]{8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A Parquet file: its path below the manifest's folder, its month where the table has months, size and hash."""

    path: str
    row_count: int
    size: int
    sha256: str
    month: str | None


@dataclass(frozen=True, slots=True)
class ContractFile:
    """The contract's file: its path below the manifest's folder, size and hash."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class TableFiles:
    """A table and the files that hold its rows."""

    table: Relation
    files: tuple[ExportFile, ...]

    @property
    def row_count(self) -> int:
        """Rows in all its files."""
        return sum(file.row_count for file in self.files)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as it was read: its parsed JSON, of which only what an export needs has been checked."""

    tree: Mapping[str, Any]

    @property
    def release_id(self) -> str:
        """The release that it shows."""
        return str(self.tree["release_id"])

    @property
    def fingerprint(self) -> str:
        """The fingerprint of that release."""
        return str(self.tree["fingerprint"])

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders that are kept: its own, then those of the exports before, the latest first."""
        return (str(self.tree["folder"]), *(str(one["folder"]) for one in self.tree["kept"]))

    @property
    def sizes(self) -> dict[str, int]:
        """Size in bytes of each file that it names."""
        files = [file for table in self.tree["tables"] for file in table["files"]]
        # Exports of a release from before there was a contract have none.
        files += [self.tree["contract"]] if self.tree.get("contract") else []
        return {str(file["path"]): int(file["size"]) for file in files}


def new_folder(release_id: str) -> str:
    """Return a name for an export's folder that no other export has. Raises UsageError for an id that is none."""
    folder = f"{release_id}-x{token_hex(4)}"
    if FOLDER.fullmatch(folder) is None:
        raise UsageError("not a release id", where=repr(release_id))
    return folder


def make_manifest(
    contents: Contents,
    folder: str,
    tables: Sequence[TableFiles],
    contract: ContractFile | None,
    exported_at: str,
    former: Manifest | None,
    keep: int,
) -> dict[str, Any]:
    """Return the manifest of an export: what it holds, and which exports before it are kept for readers in progress."""
    names = ("release_id", "as_of", "built_at", "fingerprint", "contract_version", "policy_version", "rules_version")
    return {
        "format": FORMAT,
        "manifest_version": MANIFEST_VERSION,
        **{name: contents.release.get(name) for name in names},
        "exported_at": exported_at,
        "folder": folder,
        **({} if contract is None else {"contract": asdict(contract)}),
        "tables": [_table(one) for one in tables],
        "views": [_relation(view) | {"sql": view.sql} for view in contents.views],
        "kept": _kept(former)[: max(keep - 1, 0)],
    }


def _kept(former: Manifest | None) -> list[dict[str, Any]]:
    if former is None:
        return []
    own = {"folder": former.tree["folder"], "release_id": former.release_id}
    return [own, *({name: one.get(name) for name in own} for one in former.tree["kept"])]


def _table(one: TableFiles) -> dict[str, Any]:
    months = {"partitioned_by": "month"} if any(file.month is not None for file in one.files) else {}
    return {
        **_relation(one.table),
        "primary_key": list(one.table.primary_key),
        **months,
        "row_count": one.row_count,
        "files": [{name: value for name, value in asdict(file).items() if value is not None} for file in one.files],
    }


def _relation(relation: Relation) -> dict[str, Any]:
    return {
        "schema": relation.schema,
        "name": relation.name,
        "comment": relation.comment,
        "columns": [asdict(column) for column in relation.columns],
    }


def to_bytes(tree: Mapping[str, Any]) -> bytes:
    """Return the manifest as it is written."""
    return (json.dumps(tree, ensure_ascii=False, indent=1) + "\n").encode()


def parse_manifest(content: bytes, where: str) -> Manifest:
    """Return the manifest that was read. Raises UsageError for one that is not ours: nothing of it is touched then."""
    try:
        tree = json.loads(content)
        manifest = Manifest(tree)
        is_ours = tree["format"] == FORMAT and all(FOLDER.fullmatch(folder) for folder in manifest.folders)
        is_ours = is_ours and bool(manifest.release_id and manifest.fingerprint and manifest.sizes)
    except (ValueError, KeyError, TypeError, AttributeError):
        is_ours = False
    if not is_ours:
        raise UsageError(
            "the manifest there is not one that newsmart wrote",
            where=where,
            todo="move it away, or export to another place",
        )
    if tree["manifest_version"] != MANIFEST_VERSION:
        raise UsageError(
            "another version of newsmart has written the manifest there",
            where=f"{where}, version {tree['manifest_version']}",
            todo="export with that version, or to another place",
        )
    return manifest
