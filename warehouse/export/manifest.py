"""The manifest: which files make up an export, and the one file whose replacement switches readers over.

A reader takes the list of files from `manifest.json` and opens only those. The files of an export lie in a folder of
its own and are never changed, and the manifest is written when all of them are there, so that a reader sees the export
before or the one after, whole. Table formats such as Iceberg rest on the same idea; their metadata would need a library
to write and one to read, a list in JSON needs none.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from schemas.errors import UsageError
from warehouse.export.contents import Contents

MANIFEST = "manifest.json"
FORMATS = {"parquet": "newsmart-parquet", "duckdb": "newsmart-duckdb"}
MANIFEST_VERSION = 1
# An export's folder: the release's id and four random bytes, so that no two exports ever share one.
FOLDER = re.compile(r"[0-9]{8}T[0-9.]+Z-[0-9a-z]+-x[0-9a-f]{8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest: its JSON. Of one that was read, only what an export needs has been checked."""

    tree: Mapping[str, Any]

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders that are kept: its own, then those of the exports before, the latest first."""
        return (str(self.tree["folder"]), *(str(one["folder"]) for one in self.tree["kept"]))

    @property
    def sizes(self) -> dict[str, int]:
        """Path and size in bytes of each file that it names."""
        files = [file for table in self.tree.get("tables", ()) for file in table["files"]]
        # Exports of a release from before there was a contract have none.
        files += [self.tree[name] for name in ("database", "contract") if self.tree.get(name)]
        return {str(file["path"]): int(file["size"]) for file in files}

    def shows(self, contents: Contents) -> bool:
        """Return whether it is of this release."""
        return all(self.tree[name] == contents.release[name] for name in ("release_id", "fingerprint"))

    def to_bytes(self) -> bytes:
        """Return the manifest as it is written."""
        return (json.dumps(self.tree, ensure_ascii=False, indent=1) + "\n").encode()


def new_folder(release_id: str) -> str:
    """Return a name for an export's folder that no other export has. Raises UsageError for an id that is none."""
    folder = f"{release_id}-x{token_hex(4)}"
    if FOLDER.fullmatch(folder) is None:
        raise UsageError("not a release id", where=repr(release_id))
    return folder


def make_manifest(
    form: str,
    contents: Contents,
    folder: str,
    files: Mapping[str, Any],
    exported_at: str,
    former: Manifest | None,
    keep: int,
) -> Manifest:
    """Return the manifest of an export: the files it holds, and which exports before it are kept for their readers."""
    names = ("release_id", "as_of", "built_at", "fingerprint", "contract_version", "policy_version", "rules_version")
    kept = []
    if former is not None:
        before = [former.tree, *former.tree["kept"]]
        kept = [{"folder": one["folder"], "release_id": one.get("release_id")} for one in before]
    return Manifest(
        {
            "format": FORMATS[form],
            "manifest_version": MANIFEST_VERSION,
            **{name: contents.release.get(name) for name in names},
            "exported_at": exported_at,
            "folder": folder,
            **files,
            "kept": kept[: max(keep - 1, 0)],
        }
    )


def parse_manifest(content: bytes, where: str) -> Manifest:
    """Return the manifest that was read. Raises UsageError for one that is not ours: nothing of it is touched then."""
    try:
        tree = json.loads(content)
        manifest = Manifest(tree)
        is_ours = tree["format"] in FORMATS.values() and all(FOLDER.fullmatch(folder) for folder in manifest.folders)
        is_ours = is_ours and bool(tree["release_id"] and tree["fingerprint"] and manifest.sizes)
    except (ValueError, KeyError, TypeError, AttributeError):
        is_ours = False
    if not is_ours:
        what = "the manifest there is not one that newsmart wrote"
        raise UsageError(what, where=where, todo="move it away, or export to another place")
    if tree["manifest_version"] != MANIFEST_VERSION:
        what, where = (
            "another version of newsmart has written the manifest there",
            f"{where}, version {tree['manifest_version']}",
        )
        raise UsageError(what, where=where, todo="export with that version, or to another place")
    return manifest
