"""`newsmart check`: what a run would say of documents, without a warehouse; for an editor, or a publisher's CI.

It is the reader's own verdict, so the places and words are those of `quarantine`. What only a run can know is left out:
notices about several documents together. Names and values come from strangers and may end up in a terminal or in the
log of a GitHub workflow, where a line that begins with `::`, or holds `##[`, is a command.
"""

import argparse
import os
import stat
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from flows.commands.output import json_line, warn
from flows.commands.state import PROBLEM_FIELDS
from flows.pipeline.request import core_count
from flows.process import put, without_commands
from flows.readers.local import LocalReaders
from flows.sources.scan import FileRef
from flows.sources.walk import SUFFIXES, Found, is_document, walk
from schemas.errors import SourceUnreadable, UsageError
from schemas.limits import file_state
from schemas.text import counted, is_utf8, printable
from warehouse.clock import utc_now
from warehouse.state import problem_line

Row = dict[str, Any]
_DOCUMENTS = f"documents end in {', '.join(SUFFIXES)} and are neither hidden nor README"


def check(options: argparse.Namespace) -> int:
    """Print the problems and notices of documents. Returns 1 where there is any problem."""
    form = "json" if options.json else options.format
    refs, problems, unlistable = _find(options.paths)
    if not (refs or problems or unlistable):
        raise UsageError("there is no document to check", where=", ".join(options.paths), todo=_DOCUMENTS)
    rows = []
    for row in chain(problems, _read(refs)):
        rows.append(row)
        if form != "json":
            put(without_commands(_github(row) if form == "github" else _text(row)) + "\n")
    notice_count = sum(row["is_notice"] for row in rows)
    problem_count = len(rows) - notice_count
    if form == "json":
        put(without_commands(json_line(rows)) + "\n")
    elif not options.quiet:
        counts = f"{counted(problem_count, 'problem')}, {counted(notice_count, 'notice')}"
        put(f"{counted(len(refs), 'document')} checked: {counts}\n")
    if unlistable:
        raise SourceUnreadable("folders could not be listed", where="; ".join(unlistable), todo="mend their rights")
    return 1 if problem_count else 0


def _find(paths: Sequence[str]) -> tuple[list[FileRef], list[Row], list[str]]:
    """Return the documents of files and folders, a problem for each whose name is no text, and what was not listed."""
    refs: list[FileRef] = []
    problems, unlistable = [], []
    for path in map(_relative, dict.fromkeys(paths)):
        found = walk(path.rstrip("/"), path) if os.path.isdir(path) else _named_file(path)
        documents = sorted(zip(found.paths, zip(*found.columns(), strict=True), strict=True))
        refs += [FileRef(found.source, name, f"{found.source}/{name}", *state) for name, state in documents]
        unlistable += [f"{folder.source}/{folder.folder}: {folder.reason}" for folder in found.unlistable]
        for left_out in found.skipped:
            if left_out.reason == "bad_name":
                problem = {"scope": "document", "reason": "bad_name", "expected": "a file name in UTF-8"}
                problems.append(_row(left_out.source, left_out.path, problem))
            else:
                warn(f"skipped {left_out.source}/{left_out.path}: {left_out.reason}")
    return refs, problems, unlistable


def _relative(path: str) -> str:
    """Return a path that does not begin like a workflow command."""
    return f"./{path}" if path.lstrip().startswith("::") else path


def _named_file(path: str) -> Found:
    """Return the document that was named itself, links followed; nothing where its name is not one of a document."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        raise UsageError("no such file or folder", where=path) from None
    folder, name = os.path.split(path)
    found = Found(folder or ".")
    if not is_document(name) or not stat.S_ISREG(status.st_mode):
        reason = "no regular file" if is_document(name) else f"no document by its name ({_DOCUMENTS})"
        warn(f"not checked: {path} is {reason}")
    elif is_utf8(name):
        found.add(name, file_state(status))
    else:
        found.skip(name, "bad_name")
    return found


def _read(refs: Sequence[FileRef]) -> Iterator[Row]:
    with LocalReaders(core_count()) as readers:
        for batch in readers.read_all(refs, utc_now()):
            for document in batch.documents.select(["ref", "outcome"]).to_pylist():
                if document["outcome"] in ("vanished", "unstable"):
                    ref = refs[document["ref"]]
                    warn(f"not checked: {ref.source}/{ref.path} has {document['outcome']}")
            for problem in batch.problems.to_pylist():
                ref = refs[problem["ref"]]
                yield _row(ref.source, ref.path, problem)


def _row(source: str, path: str, problem: Row) -> Row:
    """Return one object of `--json`: the fields of `quarantine`, and whether it refuses nothing."""
    row = {name: problem.get(name) for name in (*PROBLEM_FIELDS, "first_seen_at", "last_seen_at")}
    return {**row, "source": source, "path": path, "is_notice": problem["scope"] == "notice"}


def _text(row: Row) -> str:
    return printable(problem_line(row) + (" (a notice: it is accepted)" if row["is_notice"] else ""))


def _github(row: Row) -> str:
    """Return a workflow command, which GitHub shows beside the line of the file.

    The place stands in the text, too: GitHub's log shows nothing else, and its page knows no path that begins by `./`.
    https://docs.github.com/actions/reference/workflow-commands-for-github-actions; its toolkit has the escapes.
    """
    kind = "notice" if row["is_notice"] else "error"
    file = _escaped(os.path.normpath(f"{row['source']}/{row['path']}")).replace(":", "%3A").replace(",", "%2C")
    place = "" if row["line"] is None else f",line={row['line']},col={row['column']}"
    return f"::{kind} file={file}{place}::{_escaped(problem_line(row))}"


def _escaped(text: str) -> str:
    return printable(text).replace("%", "%25")
