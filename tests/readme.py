"""Renders the parts of every README.md that are facts of the code, so that they cannot go stale.

`python -m tests.readme` rewrites them; test_readme.py fails where they are not what is rendered here. A part stands
between `<!-- generated: NAME -->` and `<!-- end -->`, in whichever README.md it is read best.
"""

import argparse
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from flows.cli import build_parser
from flows.settings import FIELDS
from schemas.tables import ALL_TABLES
from tests.readme_documents import document_example, document_fields

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
READMES = tuple(sorted(file for file in (README, *ROOT.glob("*/README.md")) if not file.parent.name.startswith(".")))


def tables() -> str:
    """A row for each table and view: its name, its grain, what it is."""
    rows = [f"| `{table.name}` | {table.grain} | {table.description} |" for table in ALL_TABLES if table.kind != "ops"]
    ops = ", ".join(f"`ops.{table.name}` ({table.grain})" for table in ALL_TABLES if table.kind == "ops")
    return "\n".join(["| table | one row per | what it is |", "|---|---|---|", *rows, "", f"Operations: {ops}."])


def commands() -> str:
    """A row for each command: its name and what it does."""
    rows = [f"| `newsmart {name}` | {command.description} |" for name, command in sorted(subcommands().items())]
    return "\n".join(["| command | what it does |", "|---|---|", *rows])


def subcommands() -> dict[str, argparse.ArgumentParser]:
    """Every command's parser, by name."""
    parser = build_parser()
    actions = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(actions[0].choices)


def setting_rows() -> str:
    """A row for each setting: its name, its default, its meaning."""
    rows = [f"| `{name}` | `{one.default!r}` | {one.metadata['meaning']} |" for name, one in FIELDS.items()]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows])


PARTS: dict[str, Callable[[], str]] = {
    "tables": tables,
    "commands": commands,
    "settings": setting_rows,
    "document fields": document_fields,
    "document example": document_example,
}


def rendered(text: str) -> str:
    """Return a README's text with each generated part made anew."""
    for name, render in PARTS.items():
        pattern = re.compile(rf"(<!-- generated: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text = pattern.sub(partial(_filled, render()), text)
    return text


def _filled(made: str, match: re.Match[str]) -> str:
    return f"{match[1]}{made}\n{match[2]}"


def main() -> int:
    """Rewrite the generated parts."""
    for file in READMES:
        file.write_text(rendered(file.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
