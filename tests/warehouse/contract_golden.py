"""The contracts as they were published; `python -m tests.warehouse.contract_golden` writes that of today's version.

A version that others have read is never written anew with less in it: additions go into it, what breaks consumers needs
a new CONTRACT_VERSION and with it a new file.
"""

from pathlib import Path
from typing import Any

import yaml

from schemas.tables import CONTRACT_VERSION
from warehouse.contract import render_contract

FOLDER = Path(__file__).resolve().parents[1] / "golden" / "contract"


def published(version: int) -> dict[str, Any]:
    """Return the parsed contract of a version, as it was published."""
    tree: dict[str, Any] = yaml.load(path_of(version).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return tree


def path_of(version: int) -> Path:
    """Return the file of a version's contract."""
    return FOLDER / f"v{version}.yaml"


if __name__ == "__main__":
    path_of(CONTRACT_VERSION).write_text(render_contract(), encoding="utf-8")
