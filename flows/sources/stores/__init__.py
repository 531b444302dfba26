"""Sources that are no folder: objects in S3, documents in an archive.

What a run needs of a source is little: a list of paths with four numbers that change when the document does, and the
bytes behind a path. A folder gives both through the operating system, and its way stays as it is
(flows/sources/walk.py, flows/sources/files.py); everything else goes through this package, chosen by how a source's
root begins. The numbers are those that the ledger compares (size, mtime_ns, ctime_ns, inode), so that neither the
ledger nor its SQL knows of stores:

| store | size, mtime | ctime_ns | inode |
|---|---|---|---|
| S3 | of the listing | hash of the ETag | 0 |
| zip | of the entry | hash of the CRC and the packed size | 0 |
| tar | of the entry; the archive's | hash of what stat says of the archive | where the bytes begin |

Nothing here is imported until a source by URL is given: boto3 alone takes as long to import as a small run.
A location is the source's root, a slash and the path, so that a reference stays a plain value that any process, on any
machine that sees the store, can read.

Rejected: fsspec's own zip and tar file systems. They take the first of two entries of one name or the last as it
happens, follow no rule on entries that lead outside, unpack an entry whole to seek in it and index a tar anew for each
open. And s3fs: its reading calls return bytes without the ETag that those bytes had.
"""
