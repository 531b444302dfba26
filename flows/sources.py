"""What `--source [NAME=]DIR` means."""

import os
from collections.abc import Sequence
from pathlib import Path

from flows.scan import Source
from schemas.errors import UsageError


def parse_source(text: str) -> Source:
    """Return the source that NAME=DIR or DIR names; NAME defaults to the folder's last component.

    A `=` names a source only where what stands before it holds no `/`, so that a folder may have one in its path.
    Raises UsageError for an empty name or folder.
    """
    name, separator, folder = text.partition("=")
    if not separator or "/" in name:
        name, folder = "", text
    if not folder:
        raise UsageError("a source needs a folder", where=repr(text), todo="write --source NAME=DIR or --source DIR")
    name = (name if separator and name else Path(os.path.abspath(folder)).name).strip()
    if not name:
        raise UsageError("a source needs a name", where=repr(text), todo="write --source NAME=DIR")
    return Source(name, folder)


def parse_sources(texts: Sequence[str]) -> tuple[Source, ...]:
    """Return the sources, each a folder that is there. Raises UsageError else, and for a name given twice."""
    sources = tuple(parse_source(text) for text in texts)
    names = [source.name for source in sources]
    for source in sources:
        if names.count(source.name) > 1:
            raise UsageError("two sources have the same name", where=source.name, todo="give one another NAME=")
        if not os.path.isdir(source.root):
            raise UsageError("no such source folder", where=source.root, todo="check the path given to --source")
    return sources
