"""What `--source [NAME=]DIR` and `--source [NAME=]URL` mean."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from flows.sources.scan import Source
from flows.sources.stores.address import URLS, Address, address_of, check_reachable, is_url, parse_address
from schemas.errors import UsageError
from schemas.text import is_utf8

_NAME = re.compile(r"([^/]*?)=(?=/|[A-Za-z][A-Za-z0-9+.-]*://)|([^/=]*)=")


def parse_source(text: str) -> Source:
    """Return the source that NAME=DIR or DIR names, DIR a folder or a URL; NAME defaults to its last component.

    A `=` names a source only where what stands before it holds no `/`, so that a folder may have one in its path. Of
    several, the one before an absolute folder or a URL counts, else the first: a name may hold one too, as a folder's
    does, and is told to a schedule as NAME=DIR.
    Raises UsageError for an empty name or folder, and for a URL that is none of ours.
    """
    match = _NAME.match(text)
    name, folder = (match[1] or match[2] or "", text[match.end() :]) if match else ("", text)
    name = name.strip()
    if match and not name:
        raise UsageError("a source's name is empty", where="before the =", todo="write --source NAME=DIR")
    if not is_utf8(name):
        raise UsageError("a source's name is not UTF-8", where=ascii(name), todo="write --source NAME=DIR")
    if not folder.strip():
        raise UsageError("a source needs a folder", where=repr(text), todo="write --source NAME=DIR or --source DIR")
    place = parse_address(folder) if is_url(folder) else folder
    if isinstance(place, Address):
        return Source(name or place.name, place.root)
    name = name or Path(os.path.abspath(place)).name.strip()
    if not name or not is_utf8(name):
        raise UsageError("a source needs a name, in UTF-8", where=repr(text), todo="write --source NAME=DIR")
    return Source(name, place)


def absolute(root: str) -> str:
    """Return where a source lies, whatever the current folder is."""
    return root if root.startswith(URLS) else os.path.abspath(root)


def parse_sources(texts: Sequence[str]) -> tuple[Source, ...]:
    """Return the sources, each a folder or an archive that is there, or a store that can be asked.

    Raises UsageError else, and for a name given twice.
    """
    sources = tuple(parse_source(text) for text in texts)
    names = [source.name for source in sources]
    for source in sources:
        if names.count(source.name) > 1:
            raise UsageError("two sources have the same name", where=source.name, todo="give one another NAME=")
        if source.root.startswith(URLS):
            check_reachable(address_of(source.root))
        elif not os.path.isdir(source.root):
            raise UsageError("no such source folder", where=source.root, todo="check the path given to --source")
    return sources
