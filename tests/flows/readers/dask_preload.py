"""What the tests' Dask workers load first: flaws that a document's path asks for, and no pandas, for speed.

`kills` in a path ends the worker that reads it; `unmounted` is a folder that is there and looks empty, as a mount point
does without its mount; `forbidden` is one whose files the worker may not read.
"""

import os

import flows.sources.files
from flows.readers.dask_cluster import dask_setup
from flows.sources.files import FileBytes, read_file
from flows.sources.scan import FileRef

__all__ = ["dask_setup"]  # Dask calls it


def read_with_flaws(ref: FileRef) -> FileBytes:
    if "kills" in ref.path:
        os._exit(1)
    if "unmounted" in ref.location:
        return FileBytes(None, None, "vanished")
    if "forbidden" in ref.location:
        return FileBytes(None, None, "Permission denied")
    return read_file(ref)


flows.sources.files.read_file = read_with_flaws
